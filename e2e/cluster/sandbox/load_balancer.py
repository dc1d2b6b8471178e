"""load_balancer.py WORK: what a cloud does for Services of type LoadBalancer.

Gives each an address, and keeps the outside client's route to it: over every node that may take its traffic.
With the traffic policy Local those are the nodes whose health check says 200.
"""
import base64
import http.client
import json
import re
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

WORK = sys.argv[1]
NODES = {"10.88.0.1": "10.91.1.1", "10.89.0.1": "10.91.2.1"}  # address: the client's next hop
SOURCE = "10.91.0.2"
POOL = "10.92.0.%d"
EVERY = 0.1
pool = ThreadPoolExecutor(8)


def context():
    config = open(f"{WORK}/load-balancer.kubeconfig").read()
    for name in ("client-certificate-data", "client-key-data"):
        with open(f"{WORK}/pki/{name}", "wb") as file:
            file.write(base64.b64decode(re.search(name + r": (\S+?)[,}]", config)[1]))
    tls = ssl.create_default_context(cafile=f"{WORK}/pki/ca.crt")
    tls.load_cert_chain(f"{WORK}/pki/client-certificate-data", f"{WORK}/pki/client-key-data")
    return tls


TLS = context()
connection = None


def ask(method, path, body=None):
    """One connection for all; a new one after a failure, since the API server may have been away."""
    global connection
    try:
        if connection is None:
            connection = http.client.HTTPSConnection("127.0.0.1", 6443, timeout=5, context=TLS)
        headers = {"Content-Type": "application/merge-patch+json"} if body else {}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read()
        return json.loads(text) if response.status < 300 else None
    except (OSError, http.client.HTTPException, ValueError):
        connection = None
        return None


def is_healthy(node, port):
    check = http.client.HTTPConnection(node, port, timeout=1)
    try:
        check.request("GET", "/healthz")
        return check.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        check.close()


def hops(service):
    spec = service["spec"]
    if spec.get("externalTrafficPolicy") != "Local":
        return list(NODES.values())
    port = spec.get("healthCheckNodePort")
    if not port:
        return []
    answers = pool.map(lambda node: is_healthy(node, port), NODES)
    return [hop for hop, healthy in zip(NODES.values(), answers) if healthy]


def route(address, via):
    what = ["replace", "unreachable", address]
    if via:
        what = ["replace", address, "src", SOURCE]
        for hop in via:
            what += ["nexthop", "via", hop]
    subprocess.run(["ip", "-n", "client", "route", *what], check=True)
    print(time.time(), address, via, flush=True)


def main():
    given, routes = {}, {}
    while True:
        services = ask("GET", "/api/v1/services?resourceVersion=0")
        live = {}
        for service in (services or {}).get("items", []):
            if service["spec"].get("type") == "LoadBalancer":
                live[service["metadata"]["uid"]] = service
        for uid, service in live.items():
            if uid not in given:
                given[uid] = POOL % (len(given) % 250 + 2)
            ingress = [{"ip": given[uid]}]
            if service.get("status", {}).get("loadBalancer", {}).get("ingress", [{}])[0].get("ip") != given[uid]:
                meta = service["metadata"]
                path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status"
                ask("PATCH", path, {"status": {"loadBalancer": {"ingress": ingress}}})
            via = hops(service)
            if routes.get(given[uid]) != via:
                route(given[uid], via)
                routes[given[uid]] = via
        time.sleep(EVERY)


main()
