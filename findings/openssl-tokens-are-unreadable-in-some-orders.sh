#!/usr/bin/env bash
# rfc3161-client refuses tokens of OpenSSL's authority whenever the longer certificate comes first.
#
# One would expect: SignedData may be BER; the order of its certificates carries no meaning (RFC 5652 5.1 and 10.2.3), and
# SET OF is sorted by its bytes only in DER.
# What is so: OpenSSL 3.0 writes the signer's certificate first and then those of `certs`. rfc3161-client 1.0.9 parses strictly and
# wants them sorted, which is by length to begin with: with a signer's certificate shorter than the CA's the token is read, with a
# longer one (here by a long common name) it is "InvalidSetOrdering". OpenSSL verifies both.
# Source: seen; without `certs`, or without -cert in the query, the question does not arise.
# Why it matters: whether evidence can be read depends on the length of a name at the authority. A reader of tokens has to take
# certificates in any order, and a token worth keeping is tried with two readers when it is made.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

openssl version | grep -q '^OpenSSL 3\.0' || cannot "the script is about OpenSSL 3.0"
openssl version
pypi rfc3161-client==1.0.9
cat > ca.cnf <<'X'
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Example CA with a name of middling length
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamp]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = t
[t]
serial = tsa.serial
signer_cert = tsa.pem
certs = ca.pem
signer_key = tsa.key
signer_digest = sha256
digests = sha256
default_policy = 1.3.6.1.4.1.32473.1
ess_cert_id_alg = sha256
X
echo 01 > tsa.serial; echo event > event
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -config ca.cnf -extensions root -days 30 2>/dev/null
openssl ts -query -data event -sha256 -cert -out query 2>/dev/null
token() { # COMMON-NAME: verdicts of both readers
    openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -config ca.cnf -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 30 -extfile ca.cnf -extensions stamp -out tsa.pem 2>/dev/null
    openssl ts -reply -config ca.cnf -queryfile query -out token 2>/dev/null
    openssl ts -verify -queryfile query -in token -CAfile ca.pem 2>/dev/null | grep -o 'OK\|FAILED'
    python3 -c 'import rfc3161_client as r
try: r.decode_timestamp_response(open("token", "rb").read()); print("read")
except ValueError as e: print("InvalidSetOrdering" if "InvalidSetOrdering" in str(e) else e)'
}
saw "a signer with a short name: openssl, rfc3161-client" 'OK read' "$(token TSA | paste -sd' ')"
saw "a signer with a long name" 'OK InvalidSetOrdering' "$(token "$(printf 'Time Stamping Authority of the Example Company, %s' 'Unit 7')" | paste -sd' ')"
