"""Tests of load_balancer.py without a cluster: `python3 -m unittest load_balancer_test`, which e2e runs, too."""
import contextlib
import io
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import load_balancer
from load_balancer import Balancer

BOTH = ["10.91.1.1", "10.91.2.1"]


def service(name, kind="LoadBalancer"):
    return {"metadata": {"uid": f"uid-{name}", "namespace": "test", "name": name}, "spec": {"type": kind}}


class Cluster:
    """An API server, the nodes' health and the client's routes, as far as a balancer sees them."""

    def __init__(self):
        self.there, self.is_away, self.announced = {}, False, []
        self.via, self.routes, self.refused = BOTH, {}, 0

    def create(self, *names, kind="LoadBalancer"):
        for name in names:
            self.there[name] = service(name, kind)

    def delete(self, *names):
        for name in names:
            del self.there[name]

    def addresses(self):
        return {name: load_balancer.announced(it) for name, it in self.there.items()}

    def services(self):
        return None if self.is_away else list(self.there.values())

    def announce(self, service, address):
        self.announced.append(address)
        service["status"] = {"loadBalancer": {"ingress": [{"ip": address}]}}

    def to(self, _service):
        return list(self.via)

    def change_route(self, verb, *words):
        if self.refused:
            self.refused -= 1
            return False
        if verb == "flush":
            self.routes.pop(words[1].removesuffix("/32"), None)
        elif words[0] == "unreachable":
            self.routes[words[1]] = []
        else:
            self.routes[words[0]] = [hop for word, hop in zip(words, words[1:]) if word == "via"]
        return True


class LoadBalancerTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.balancer = self.start(["a1", "a2", "a3"])
        said = contextlib.redirect_stdout(io.StringIO())
        self.said = said.__enter__()
        self.addCleanup(said.__exit__, None, None, None)

    def start(self, pool):
        return Balancer(self.cluster, self.cluster, self.cluster.change_route, pool)

    def test_each_service_of_the_type_has_an_address_and_a_route(self):
        self.cluster.create("one", "two")
        self.cluster.create("inner", kind="ClusterIP")
        self.balancer.look()
        self.assertEqual(self.cluster.addresses(), {"one": "a1", "two": "a2", "inner": None})
        self.assertEqual(self.cluster.routes, {"a1": BOTH, "a2": BOTH})
        self.balancer.look()
        self.assertEqual(self.cluster.announced, ["a1", "a2"], "what is so already is not written again")

    def test_more_services_than_addresses_come_and_go_and_none_shares_one(self):
        self.cluster.create("stays")
        for number in range(20):
            names = [f"first-{number}", f"second-{number}"]
            self.cluster.create(*names)
            self.balancer.look()
            addresses = self.cluster.addresses()
            self.assertEqual(addresses["stays"], "a1")
            self.assertEqual(set(addresses.values()), {"a1", "a2", "a3"})
            self.cluster.delete(*names)
            self.balancer.look()
            self.assertEqual(self.cluster.routes, {"a1": BOTH}, "no route stays behind")

    def test_a_service_waits_until_an_address_is_free(self):
        self.cluster.create("one", "two", "three", "four")
        self.balancer.look()
        self.assertIsNone(self.cluster.addresses()["four"])
        self.cluster.delete("two")
        self.balancer.look()
        self.assertEqual(self.cluster.addresses()["four"], "a2")
        self.assertEqual(self.cluster.routes, {"a1": BOTH, "a2": BOTH, "a3": BOTH})

    def test_a_service_that_changes_its_type_gives_its_address_back(self):
        self.cluster.create("one")
        self.balancer.look()
        self.cluster.create("one", kind="ClusterIP")
        self.balancer.look()
        self.assertEqual(self.cluster.routes, {})
        self.assertEqual(sorted(self.balancer.free), ["a1", "a2", "a3"])

    def test_an_api_server_that_is_away_takes_nothing_from_anybody(self):
        self.cluster.create("one")
        self.balancer.look()
        self.cluster.is_away = True
        self.balancer.look()
        self.assertEqual(self.cluster.routes, {"a1": BOTH})
        self.cluster.is_away = False
        self.balancer.look()
        self.assertEqual(self.cluster.announced, ["a1"])

    def test_addresses_outlive_the_balancer(self):
        self.cluster.create("old")
        self.balancer.look()
        self.cluster.create("new")
        self.cluster.there = dict(reversed(self.cluster.there.items()))
        self.start(["a1", "a2"]).look()
        self.assertEqual(self.cluster.addresses(), {"new": "a2", "old": "a1"})

    def test_a_route_follows_the_nodes(self):
        self.cluster.create("one")
        for via in [BOTH, BOTH[:1], [], BOTH[1:], BOTH]:
            self.cluster.via = via
            self.balancer.look()
            self.assertEqual(self.cluster.routes, {"a1": via})

    def test_a_route_that_is_refused_is_tried_again(self):
        self.cluster.create("one")
        self.cluster.refused = 2
        for wanted in [{}, {}, {"a1": BOTH}]:
            self.balancer.look()
            self.assertEqual(self.cluster.routes, wanted)

    def test_an_address_is_free_only_when_its_route_is_gone(self):
        self.balancer = self.start(["a1"])
        self.cluster.create("one")
        self.balancer.look()
        self.cluster.delete("one")
        self.cluster.create("two")
        self.cluster.refused = 1
        self.balancer.look()
        self.assertIsNone(self.cluster.addresses()["two"])
        self.balancer.look()
        self.assertEqual(self.cluster.addresses()["two"], "a1")

    def test_a_command_that_fails_is_said_and_ends_nothing(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, PATH=folder):
            self.assertFalse(load_balancer.change_route("replace", "a1"), "there is no ip")
            ip = pathlib.Path(folder, "ip")
            ip.write_text("#!/bin/sh\necho \"cannot $*\" >&2\nexit 2\n")
            ip.chmod(0o755)
            self.assertFalse(load_balancer.change_route("replace", "a1"))
            ip.write_text("#!/bin/sh\nexit 0\n")
            self.assertTrue(load_balancer.change_route("replace", "a1"))
        self.assertIn("cannot -n client route replace a1", self.said.getvalue())
        self.assertEqual(self.said.getvalue().count("failed:"), 2)


if __name__ == "__main__":
    unittest.main()
