# SPDX-License-Identifier: GPL-3.0-or-later
"""TEMPORARY openssl"""
import os
from . import shell
class Certificates:
    def __init__(self, store):
        self.store = store
        self.authority = store + "-ca"
        self.ca = os.path.join(self.authority, "ca.pem")
    def make_authority(self):
        os.makedirs(self.authority); os.makedirs(self.store,exist_ok=True)
        shell.run(["openssl","req","-x509","-newkey","ec","-pkeyopt","ec_paramgen_curve:P-256","-nodes","-keyout",self.authority+"/ca.key","-out",self.ca,"-subj","/CN=lab CA","-days","30","-addext","keyUsage=critical,keyCertSign,cRLSign"])
    def make(self,name,names):
        d=self.store
        shell.run(["openssl","req","-newkey","ec","-pkeyopt","ec_paramgen_curve:P-256","-nodes","-keyout",f"{d}/{name}.key","-out",self.authority+"/x.csr","-subj","/CN="+names[0]])
        shell.write(self.authority+"/ext","subjectAltName="+",".join("DNS:"+n for n in names)+"\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nkeyUsage=digitalSignature\n")
        shell.run(["openssl","x509","-req","-in",self.authority+"/x.csr","-CA",self.ca,"-CAkey",self.authority+"/ca.key","-CAcreateserial","-out",f"{d}/{name}.pem","-days","30","-extfile",self.authority+"/ext"])
        os.chmod(f"{d}/{name}.key",0o600)
