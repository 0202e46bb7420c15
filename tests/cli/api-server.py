# SPDX-License-Identifier: GPL-2.0-or-later
"""api-server.py CLUSTER.JSON DIR: an API server for tests.

Serves the objects of a List on a port for http and, with DIR/server.pem and DIR/ca.pem, on
one for https, where a client may show a certificate of that authority. Writes both ports to
DIR/ports and a line per request to DIR/requests. The first part of the path chooses how it
behaves: see BEHAVIOUR; auth without any. For kube-proxy there are single nodes, slices as of
old, and watches: nothing ever changes. What clients write is not kept.
"""
import gzip
import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

PAGE = 3  # servers may give less than the limit that was asked for
LISTS = {
    "/api/v1/services": "Service",
    "/apis/discovery.k8s.io/v1/endpointslices": "EndpointSlice",
    "/apis/discovery.k8s.io/v1beta1/endpointslices": "EndpointSlice",
    "/api/v1/nodes": "Node",
}
# ok: all of it; plain: without compression; auth: with credentials only; forbidden: no
# slices; gone: the list of slices is too old, once (or always-gone); busy: once, for a
# second (or always-busy); broken: the second page is no JSON; short: ... ends too early;
# pods, page, empty: something else; slow: takes its time.
BEHAVIOUR = ("ok plain auth forbidden gone always-gone busy always-busy broken short pods "
             "page empty slow").split()
done = set()  # what happens once


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        self.how, _, path = url.path[1:].partition("/")
        if self.how in ("api", "apis"):
            self.how, path = "auth", url.path[1:]
        self.query = dict(urllib.parse.parse_qsl(url.query))
        path, _, name = path.partition("/nodes/")
        if name:
            path += "/nodes"
        with open(directory + "/requests", "a") as f:
            print(self.path, self.headers["Host"], self.headers["User-Agent"], file=f)
        kind = LISTS.get("/" + path)
        if self.how not in BEHAVIOUR or not kind:
            return self.status(404, "NotFound", "the server could not find the resource")
        refused = self.refused(kind)
        if refused:
            return self.status(*refused)
        if name:
            return self.node(name)
        if "watch" in self.query:
            return self.watch()
        self.group = path.rpartition("/")[0].partition("/")[2]
        self.page(kind, int(self.query.get("continue", "token 0/+").split()[1][:-2]))

    def refused(self, kind):
        on = "continue" in self.query
        if self.how == "auth" and not self.known():
            return 401, "Unauthorized", "Unauthorized"
        if self.how == "forbidden" and kind == "EndpointSlice":
            return (403, "Forbidden", 'endpointslices.discovery.k8s.io is forbidden: User '
                    '"system:anonymous" cannot list resource')
        if on and kind == "EndpointSlice" and self.once("gone"):
            return 410, "Expired", "The provided continue parameter is too old"
        if self.once("busy"):
            return 429, "TooManyRequests", "too many requests, try again later"
        if self.how == "slow":
            time.sleep(5)
        return None

    def once(self, what):
        if self.how == "always-" + what:
            return True
        if self.how != what or what in done:
            return False
        done.add(what)
        return True

    def known(self):
        get = getattr(self.connection, "getpeercert", None)
        return (get and get()) or self.headers["Authorization"] in (
            "Bearer secret.token", "Basic dXNlcjpwYXNz")

    def do_POST(self):
        """An event: taken, and not kept."""
        self.how = "auth"
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send(201, b'{"kind": "Event", "apiVersion": "v1"}')

    def node(self, name):
        for doc in objects["Node"]:
            if doc["metadata"]["name"] == name:
                return self.send(200, json.dumps(dict(doc, kind="Node", apiVersion="v1")).encode())
        self.status(404, "NotFound", 'nodes "%s" not found' % name)

    def watch(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        time.sleep(int(self.query.get("timeoutSeconds", 300)))
        self.wfile.write(b"0\r\n\r\n")

    def page(self, kind, begin):
        items = objects[kind]
        if self.group.endswith("v1beta1"):
            items = [as_beta(item) for item in items]
        end = min(begin + min(PAGE, int(self.query.get("limit", len(items)))), len(items))
        doc = {"kind": kind + "List", "apiVersion": self.group,
               "metadata": {"resourceVersion": "1"}, "items": items[begin:end] or None}
        if self.how == "pods":
            doc["kind"] = "PodList"
        if end < len(items):
            # Not what a URL holds as it is.
            doc["metadata"].update({"continue": "token %d/+" % end})
        body = json.dumps(doc).encode()
        if self.how == "page":
            body = b"<html>\n<title>Sign in</title>\x1b[31m"
        elif self.how == "empty":
            body = b""
        elif self.how == "broken" and begin:
            body = body[:-40]
        self.send(200, body, len(body) + (100 if self.how == "short" and begin else 0))

    def status(self, code, reason, message):
        self.send(code, json.dumps({"kind": "Status", "apiVersion": "v1", "code": code,
                                    "reason": reason, "message": message}).encode())

    def send(self, code, body, length=None):
        self.send_response(code)
        if self.how == "ok" and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            length = len(body)
            self.send_header("Content-Encoding", "gzip")
        if code == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = length is not None and length > len(body)

    def log_message(self, *args):
        pass


def as_beta(item):
    """A slice as discovery.k8s.io/v1beta1 has it: node and zone are labels."""
    endpoints = []
    for endpoint in item["endpoints"] or []:
        old = {k: v for k, v in endpoint.items() if k not in ("nodeName", "zone", "hints")}
        old["topology"] = {label: endpoint[k] for k, label in
                           (("nodeName", "kubernetes.io/hostname"),
                            ("zone", "topology.kubernetes.io/zone")) if k in endpoint}
        endpoints.append(old)
    return dict(item, endpoints=endpoints)


def serve(tls):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory + "/server.pem")
        context.load_verify_locations(directory + "/ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


cluster, directory = sys.argv[1:]
objects = {kind: [] for kind in LISTS.values()}
with open(cluster) as f:
    for item in json.load(f)["items"]:
        kind = item.pop("kind")  # items of an API server's lists do not say it
        item.pop("apiVersion")
        objects[kind].append(item)
ports = serve(False), serve(True)
with open(directory + "/ports.new", "w") as f:
    print(*ports, file=f)
os.rename(directory + "/ports.new", directory + "/ports")
while os.getppid() == int(os.environ["PARENT"]):
    time.sleep(0.5)
