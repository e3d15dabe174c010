#!/usr/bin/env bash
# One RFC 3161 token, three readers: two times, and after the authority's certificate has run out two verdicts.
#
# One would expect: genTime is read with its fraction (RFC 3161 2.4.2 allows one), and a token made while the certificate was valid
# stays good (RFC 3161 section 4 keeps earlier tokens valid even past a revocation): that is what a time stamp is for.
# What is so: genTime has six digits. openssl 3.0 and rfc3161ng 2.1.3 show them; rfc3161-client 1.0.9 gives microsecond 0 without a word.
# Once the authority's certificate is past its end, `openssl ts -verify` says FAILED (it judges by the clock; -attime would have to
# be taken from the token that is not verified yet), rfc3161-client says the token is good.
# Source: seen on a token of OpenSSL's own authority with clock_precision_digits = 6 and a certificate of a few seconds.
# Why it matters: tokens are checked years later, when every authority's certificate has run out. And of two tokens within a second
# rfc3161-client cannot tell which came first.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

openssl version | grep -q '^OpenSSL 3\.0' || cannot "the script is about OpenSSL 3.0"
openssl version
pypi rfc3161-client==1.0.9 rfc3161ng==2.1.3
cat > ca.cnf <<'X'
[ca]
default_ca = c
[c]
dir = .
database = index
new_certs_dir = .
serial = serial
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = p
[p]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Example CA
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamp]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = t
[t]
serial = tsa.serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
digests = sha256
default_policy = 1.3.6.1.4.1.32473.1
ess_cert_id_alg = sha256
clock_precision_digits = 6
X
: > index; echo 01 > serial; echo 01 > tsa.serial; echo event > event
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -config ca.cnf -extensions root -days 30 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -config ca.cnf -subj "/CN=Example TSA" 2>/dev/null
openssl ts -query -data event -sha256 -cert -out query 2>/dev/null
END=$(($(date +%s) + 10))
openssl ca -batch -config ca.cnf -extensions stamp -in tsa.csr -out tsa.pem -enddate "$(date -u -d @$END +%Y%m%d%H%M%SZ)" -notext 2>/dev/null
openssl ts -reply -config ca.cnf -queryfile query -out token 2>/dev/null
cat > client.py <<'X'
import rfc3161_client as r, rfc3161ng
from cryptography import x509
raw = open("token", "rb").read()
token = r.decode_timestamp_response(raw)
root = x509.load_pem_x509_certificate(open("ca.pem", "rb").read())
ok = r.VerifierBuilder().add_root_certificate(root).build().verify_message(token, open("event", "rb").read())
ng = rfc3161ng.get_timestamp(rfc3161ng.decode_timestamp_response(raw).time_stamp_token)
print(ok, "fraction" if token.tst_info.gen_time.microsecond else "whole seconds", "fraction" if ng.microsecond else "whole seconds")
X
verdict() { openssl ts -verify -queryfile query -in token -CAfile ca.pem 2>&1 | grep -o 'OK\|FAILED'; }
saw "openssl shows a fraction" 1 "$(openssl ts -reply -in token -text 2>/dev/null | grep -cE 'Time stamp: .*[0-9]\.[0-9]{1,6} ')"
saw "while the certificate is valid: openssl" OK "$(verdict)"
saw "rfc3161-client, its time, rfc3161ng's time" 'True whole seconds fraction' "$(python3 client.py)"
while [ "$(date +%s)" -le $((END + 1)) ]; do sleep 0.5; done
saw "after its end: openssl" FAILED "$(verdict)"
saw "rfc3161-client" True "$(python3 client.py | cut -d' ' -f1)"
