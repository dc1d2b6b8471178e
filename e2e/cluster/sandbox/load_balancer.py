"""load_balancer.py WORK: what a cloud does for Services of type LoadBalancer.

Gives each an address, and keeps the outside client's route to it: over every node that may take its traffic.
With the traffic policy Local those are the nodes whose health check says 200. What a Service had is free again
when it is gone, and what fails is said and tried again at the next look.
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

NODES = {"10.88.0.1": "10.91.1.1", "10.89.0.1": "10.91.2.1"}  # address: the client's next hop
SOURCE = "10.91.0.2"
POOL = [f"10.92.0.{number}" for number in range(2, 252)]
EVERY = 0.1


class Api:
    """The API server, over one connection for all; a new one after a failure, since it may have been away."""

    def __init__(self, work):
        config = open(f"{work}/load-balancer.kubeconfig").read()
        for name in ("client-certificate-data", "client-key-data"):
            with open(f"{work}/pki/{name}", "wb") as file:
                file.write(base64.b64decode(re.search(name + r": (\S+?)[,}]", config)[1]))
        self.tls = ssl.create_default_context(cafile=f"{work}/pki/ca.crt")
        self.tls.load_cert_chain(f"{work}/pki/client-certificate-data", f"{work}/pki/client-key-data")
        self.connection = None

    def ask(self, method, path, body=None):
        """What it answers, or nothing where that is no success."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection("127.0.0.1", 6443, timeout=5, context=self.tls)
            headers = {"Content-Type": "application/merge-patch+json"} if body else {}
            self.connection.request(method, path, json.dumps(body) if body else None, headers)
            response = self.connection.getresponse()
            text = response.read()
            return json.loads(text) if response.status < 300 else None
        except (OSError, http.client.HTTPException, ValueError):
            self.connection = None
            return None

    def services(self):
        """All Services, or nothing where the API server does not say."""
        answer = self.ask("GET", "/api/v1/services?resourceVersion=0")
        return None if answer is None else answer.get("items") or []

    def announce(self, service, address):
        meta = service["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status"
        self.ask("PATCH", path, {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})


class Hops:
    """The client's next hops to the nodes that may take a Service's traffic."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(8)

    def to(self, service):
        spec = service["spec"]
        if spec.get("externalTrafficPolicy") != "Local":
            return list(NODES.values())
        port = spec.get("healthCheckNodePort")
        if not port:
            return []
        answers = self.pool.map(lambda node: is_healthy(node, port), NODES)
        return [hop for hop, healthy in zip(NODES.values(), answers) if healthy]


def is_healthy(node, port):
    check = http.client.HTTPConnection(node, port, timeout=1)
    try:
        check.request("GET", "/healthz")
        return check.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        check.close()


def say(*words):
    print(time.time(), *words, flush=True)


def change_route(*words):
    """Changes the client's routes; False where that failed, which is said."""
    try:
        command = ["ip", "-n", "client", "route", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        say("failed:", error)
        return False
    if done.returncode:
        say("failed:", " ".join(command), done.stderr.strip())
    return done.returncode == 0


def announced(service):
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    return ingress[0].get("ip")


class Balancer:
    """Which Service has which address, and where the client's routes to them lead."""

    def __init__(self, api, hops, change_route, pool):
        self.api, self.hops, self.change_route = api, hops, change_route
        # The one that has been free for the longest comes first: who still uses an old one shall notice.
        self.free = list(pool)
        self.given, self.routes = {}, {}

    def look(self):
        """Looks once, and does what is to be done. No answer is no reason to take anything away."""
        services = self.api.services()
        if services is None:
            return
        live = {it["metadata"]["uid"]: it for it in services if it["spec"].get("type") == "LoadBalancer"}
        for uid in self.given.keys() - live.keys():
            self.release(uid)
        # What was announced by an earlier run stays; what is new comes after.
        for uid, service in sorted(live.items(), key=lambda item: announced(item[1]) is None):
            address = self.address(uid, service)
            if address is None:
                continue
            if announced(service) != address:
                self.api.announce(service, address)
            self.route(address, self.hops.to(service))

    def address(self, uid, service):
        if uid not in self.given and self.free:
            address = announced(service)
            self.given[uid] = self.free.pop(self.free.index(address) if address in self.free else 0)
        return self.given.get(uid)

    def release(self, uid):
        address = self.given[uid]
        # A route that cannot be taken away would be the next Service's: so the address is not free yet.
        if self.change_route("flush", "exact", f"{address}/32"):
            self.routes.pop(address, None)
            self.free.append(self.given.pop(uid))
            say(address, "free")

    def route(self, address, via):
        if self.routes.get(address) == via:
            return
        what = [address, "src", SOURCE] if via else ["unreachable", address]
        for hop in via:
            what += ["nexthop", "via", hop]
        if self.change_route("replace", *what):
            self.routes[address] = via
            say(address, via)


def main(work):
    balancer = Balancer(Api(work), Hops(), change_route, POOL)
    while True:
        balancer.look()
        time.sleep(EVERY)


if __name__ == "__main__":
    main(sys.argv[1])
