"""An HTTPS server on this machine, with a certificate of an authority of its own.

usage: tls_server.py FOLDER FILE   writes the authority's certificate to FOLDER/authority.pem and prints the port; serves
FILE at every path, and redirects paths that end in DOWN to http. Ends when its standard input does.
"""

import datetime
import hashlib
import http.server
import ipaddress
import pathlib
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

folder, file = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
DATA = file.read_bytes()
DIGEST = hashlib.sha256(DATA).hexdigest()


def certificate(name, key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def pem(path, *things):
    path.write_bytes(b"".join(things))
    return path


authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
authority = certificate("tests", authority_key, None, authority_key, True)
leaf = certificate("localhost", key, authority, authority_key, False)
encoding = serialization.Encoding.PEM
pem(folder / "authority.pem", authority.public_bytes(encoding))
secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
chain = pem(folder / "server.pem", secret, leaf.public_bytes(encoding))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if "DOWN" in self.path:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/weights")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("X-Linked-ETag", f'"{DIGEST}"')
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
