#!/usr/bin/env bash
# OpenSSL 3.0 and Node.js cannot read the private key file that Rust's ed25519-dalek writes.
#
# One would expect: PKCS #8 with the public key in it (version 2, RFC 5958 and RFC 8410 7) is read by whoever reads the form without.
# What is so: ed25519-dalek 2.2.0 (to_pkcs8_pem of a signing key) writes version 2. openssl 3.0, Node.js 20 (its own OpenSSL) and npm
# jose 6.2.18 refuse the file as unsupported or invalid; npm sshpk 1.18.0 reads it. The same 32 bytes written by openssl are read by all.
# Source: seen, with a fixed key of 32 equal bytes.
# Why it matters: a log's signing key made by a Rust program looks broken to the operator's tools on the day it is needed.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

[ "$(openssl version | cut -d' ' -f2 | cut -d. -f1,2)" = 3.0 ] || cannot "the script is about OpenSSL 3.0"
npm_packages jose@6.2.18 sshpk@1.18.0
crates 'ed25519-dalek = { version = "=2.2.0", features = ["pkcs8", "pem"] }' <<'Y'
use ed25519_dalek::pkcs8::{spki::der::pem::LineEnding, EncodePrivateKey};
fn main() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    print!("{}", key.to_pkcs8_pem(LineEnding::LF).unwrap().as_str());
}
Y
./program > rust.pem
{ printf '302e020100300506032b657004220420'; printf '07%.0s' $(seq 32); } | xxd -r -p | openssl pkey -inform DER -out openssl.pem
cat > read.mjs <<'Y'
import { createPrivateKey } from "crypto"; import { readFileSync } from "fs"; import { importPKCS8 } from "jose"; import sshpk from "sshpk";
const pem = readFileSync(process.argv[2], "utf8"), attempt = async f => { try { await f(); return "read"; } catch { return "refused"; } };
console.log(await attempt(() => createPrivateKey(pem)), await attempt(() => importPKCS8(pem, "EdDSA")), await attempt(() => sshpk.parsePrivateKey(pem)));
Y
by_openssl() { if openssl pkey -in "$1" -noout 2>/dev/null; then echo read; else echo refused; fi; }
saw "version byte of Rust's file, of openssl's" '01 00' "$(for f in rust openssl; do sed '/-/d' $f.pem | base64 -d | xxd -s 4 -l 1 -p; done | paste -sd' ')"
saw "openssl, of its own and of Rust's" 'read refused' "$(by_openssl openssl.pem) $(by_openssl rust.pem)"
saw "node, jose, sshpk, of openssl's" 'read read read' "$(node read.mjs openssl.pem)"
saw "node, jose, sshpk, of Rust's" 'refused refused read' "$(node read.mjs rust.pem)"
