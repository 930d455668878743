"""registry.py ADDRESS CERTIFICATE BEHAVIOUR LOG: registries of images, as the distribution specification has them, by HTTPS on port 443
and HTTP on port 5000, and auth.docker.io, where tokens are. Nothing can be pulled.

BEHAVIOUR is JSON, read for each request: by the host's name the status of /v2/ (401 if not given), `pulls` what Docker says is left, and
`manifest` the status of what is asked for with a token. LOG gets a line for each request."""
import http.server
import json
import ssl
import sys
import threading
import urllib.parse

address, certificate, behaviour, log = sys.argv[1:]
TOKEN = "dGhlIHRva2Vu.of~the_test-bed"


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers=(), body="{}"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        with open(log, "a") as file:
            print(host, self.command, self.path, file=file)
        with open(behaviour) as file:
            wanted = json.load(file)
        path = urllib.parse.urlsplit(self.path)
        realm = "https://auth.docker.io/token" if host == "registry-1.docker.io" else f"https://{host}/token"
        service = "registry.docker.io" if host == "registry-1.docker.io" else host
        refusal = [("WWW-Authenticate", f'Bearer realm="{realm}",service="{service}"')]
        if host == "auth.docker.io":
            query = urllib.parse.parse_qs(path.query)
            is_good = query == {"service": ["registry.docker.io"], "scope": ["repository:ratelimitpreview/test:pull"]}
            self.answer(200 if is_good else 400, body=json.dumps({"token": TOKEN} if is_good else {}))
        elif path.path == "/v2/":
            status = wanted.get(host, 401)
            self.answer(status, refusal if status == 401 else ())
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer(401, refusal)
        elif path.path == "/v2/ratelimitpreview/test/manifests/latest":
            pulls = wanted.get("pulls")
            told = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", f"{pulls};w=21600")] if pulls is not None else ()
            self.answer(wanted.get("manifest", 200), told)
        else:
            self.answer(404)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


plain = http.server.ThreadingHTTPServer((address, 5000), Registry)
threading.Thread(target=plain.serve_forever, daemon=True).start()
server = http.server.ThreadingHTTPServer((address, 443), Registry)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
# each caller's own thread shakes hands
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("ready", flush=True)
server.serve_forever()
