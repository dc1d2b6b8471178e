# The image of the operator and of its pods: two programs, what they are linked to, and a CA bundle. No shell,
# nothing to write to. `e2e/image` makes the tree, so that it holds exactly what the programs name:
#
#   e2e/image out && docker build -t mailaccess:0.1.0 -f Dockerfile out
#
# Whoever publishes it adds where it comes from:  --label org.opencontainers.image.source=https://...
FROM scratch
COPY tree/ /
USER 65532:65532
ENTRYPOINT ["/usr/bin/mailaccess"]
LABEL org.opencontainers.image.title="mailaccess" \
      org.opencontainers.image.description="POP3 and IMAP4 access to mail on Kubernetes: the operator and its pods" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
