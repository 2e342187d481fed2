"""TLS in front of a plain server, with a certificate that nobody knows.

usage: tls.py PORT FOLDER   writes FOLDER/ca.pem, prints its own port, ends when its standard input ends
"""

import datetime
import os
import socket
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

upstream, folder = int(sys.argv[1]), sys.argv[2]


def certificate(subject, issuer, key, issuer_key, *extensions):
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])  # noqa: E731
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1)))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def save(name, *things):
    with open(os.path.join(folder, name), "wb") as file:
        for thing in things:
            if isinstance(thing, x509.Certificate):
                file.write(thing.public_bytes(serialization.Encoding.PEM))
            else:
                file.write(thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))


authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
authority = certificate("authority", "authority", authority_key, authority_key, x509.BasicConstraints(True, None))
server = certificate("localhost", "authority", key, authority_key,
                     x509.SubjectAlternativeName([x509.DNSName("localhost")]), x509.BasicConstraints(False, None))
save("ca.pem", authority)
save("server.pem", key, server)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(folder, "server.pem"))


def copy(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(plain):
    try:
        client = context.wrap_socket(plain, server_side=True)
        behind = socket.create_connection(("127.0.0.1", upstream))
    except OSError:
        return plain.close()
    threading.Thread(target=copy, args=(client, behind), daemon=True).start()
    copy(behind, client)
    client.close()


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=accept, daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
