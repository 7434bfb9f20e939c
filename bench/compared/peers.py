# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateways that postern is measured against, as Debian packages them.

docs/performance.md argues their settings. What all have in common: one worker, TLS 1.2
and 1.3, X25519 before P-256, AES-128-GCM, stateless session tickets, no log line for a
connection, room for every connection of a workload, and TCP_NODELAY on both legs.
"""

from lab import shell

from . import network
from .subjects import PORT, TLS12_CIPHERS, TLS13_CIPHER, Subject

IDLE_SECONDS = 3600


class Peer(Subject):
    package = program = ""

    @classmethod
    def missing(cls):
        """Why it can't be measured here; None when it can."""
        try:
            shell.find_program(cls.program)
            return None
        except shell.LabError:
            return f"{cls.package} isn't installed (`.ci/install compare` does it)"

    def version(self):
        text = shell.run(["dpkg-query", "-W", "-f", "${Version}", self.package], check=False)
        return text.stdout.strip() or "of unknown version"


class HAProxy(Peer):
    name = package = program = "haproxy"
    options = ("big buffers", "busy polling")
    CONFIG = """
global
    nbthread 1
    maxconn {connections}
    tune.bufsize {buffer}
    tune.ssl.lifetime {idle}
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-ciphersuites {cipher13}
    ssl-default-bind-ciphers {ciphers12}
    {busy}
defaults
    mode tcp
    backlog 65535
    timeout connect 10s
    timeout client {idle}s
    timeout server {idle}s
frontend external
    maxconn {connections}
    bind {external}:{port} ssl crt {pem} curves X25519:P-256
    default_backend internal
backend internal
    fullconn {connections}
    server one {server}:{server_port}
"""

    def prepare(self, setting):
        server, server_port = setting.backend
        shell.write(self.path("haproxy.cfg"), self.CONFIG.format(
            connections=setting.connections + 1000, buffer=65536 if "big buffers" in
            setting.options else 16384, idle=IDLE_SECONDS, cipher13=TLS13_CIPHER,
            ciphers12=TLS12_CIPHERS, external=network.GATEWAY_EXTERNAL, port=PORT,
            pem=self.keys.files(setting.key)[2], server=server, server_port=server_port,
            busy="busy-polling" if "busy polling" in setting.options else ""))
        return [shell.find_program(self.program), "-db", "-f", self.path("haproxy.cfg")]


class Nginx(Peer):
    name = package = program = "nginx"
    options = ("big buffers",)
    MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
    CONFIG = """
load_module {module};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{
    worker_connections {sockets};
    multi_accept on;
}}
stream {{
    access_log off;
    server {{
        listen {external}:{port} ssl backlog=65535;
        proxy_pass {server}:{server_port};
        proxy_timeout {idle}s;
        proxy_buffer_size {buffer};
        tcp_nodelay on;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_conf_command Ciphersuites {cipher13};
        ssl_ciphers {ciphers12};
        ssl_ecdh_curve X25519:prime256v1;
        ssl_session_tickets on;
        ssl_session_timeout {idle}s;
        ssl_handshake_timeout 60s;
    }}
}}
"""

    @classmethod
    def missing(cls):
        why = super().missing()
        if why is None:
            try:
                with open(cls.MODULE, "rb"):
                    pass
            except OSError:
                why = "libnginx-mod-stream isn't installed (`.ci/install compare` does it)"
        return why

    def prepare(self, setting):
        server, server_port = setting.backend
        chain, key, _ = self.keys.files(setting.key)
        shell.write(self.path("nginx.conf"), self.CONFIG.format(
            module=self.MODULE, folder=self.folder, sockets=2 * setting.connections + 2000,
            external=network.GATEWAY_EXTERNAL, port=PORT, server=server, server_port=server_port,
            idle=IDLE_SECONDS, buffer="128k" if "big buffers" in setting.options else "16k",
            chain=chain, key=key, cipher13=TLS13_CIPHER, ciphers12=TLS12_CIPHERS))
        return [shell.find_program(self.program), "-e", self.path("error.log"),
                "-c", self.path("nginx.conf")]


class Hitch(Peer):
    name = package = program = "hitch"
    CONFIG = """
frontend = {{
    host = "{external}"
    port = "{port}"
}}
backend = "[{server}]:{server_port}"
pem-file = "{pem}"
workers = 1
backlog = 65535
daemon = off
syslog = off
log-level = 1
user = "nobody"
group = "nogroup"
ocsp-dir = ""
tls-protos = TLSv1.2 TLSv1.3
ciphersuites = "{cipher13}"
ciphers = "{ciphers12}"
ecdh-curve = "X25519:prime256v1"
"""

    def prepare(self, setting):
        server, server_port = setting.backend
        shell.write(self.path("hitch.conf"), self.CONFIG.format(
            external=network.GATEWAY_EXTERNAL, port=PORT, server=server, server_port=server_port,
            pem=self.keys.files(setting.key)[2], cipher13=TLS13_CIPHER, ciphers12=TLS12_CIPHERS))
        return [shell.find_program(self.program), f"--config={self.path('hitch.conf')}"]


class Stunnel(Peer):
    name, package, program = "stunnel", "stunnel4", "stunnel4"
    most_threads = 10000
    CONFIG = """
foreground = yes
pid =
syslog = no
debug = err
[mail]
accept = {external}:{port}
connect = {server}:{server_port}
cert = {chain}
key = {key}
sslVersionMin = TLSv1.2
ciphersuites = {cipher13}
ciphers = {ciphers12}
curves = X25519:P-256
options = -NO_TICKET
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
TIMEOUTidle = {idle}
TIMEOUTclose = 0
"""

    def prepare(self, setting):
        server, server_port = setting.backend
        chain, key, _ = self.keys.files(setting.key)
        shell.write(self.path("stunnel.conf"), self.CONFIG.format(
            external=network.GATEWAY_EXTERNAL, port=PORT, server=server, server_port=server_port,
            chain=chain, key=key, cipher13=TLS13_CIPHER, ciphers12=TLS12_CIPHERS,
            idle=IDLE_SECONDS))
        return [shell.find_program(self.program), self.path("stunnel.conf")]


PEERS = (HAProxy, Nginx, Hitch, Stunnel)
