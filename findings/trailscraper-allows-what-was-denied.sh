#!/usr/bin/env bash
# A policy made by trailscraper from CloudTrail allows what CloudTrail says was refused.
#
# One would expect: a policy "of what was done" leaves out calls with errorCode AccessDenied, or says that they are in it.
# What is so: trailscraper 0.10.0 reads neither errorCode nor errorMessage; its records have no place for them. A refused DeleteBucket
# stands in the generated policy beside an allowed GetObject, and in the list of records nothing tells the two apart.
# Source: seen.
# Why it matters: the same line of an audit log is a deed or an attempt by one field alone; a reader that drops outcome turns one into the other.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi trailscraper==0.10.0
cat > run.py <<'Y'
from trailscraper.cloudtrail import parse_records
from trailscraper.policy_generator import generate_policy
def event(name, **more):
    return {"eventVersion": "1.08", "eventTime": "2026-11-30T10:11:12Z", "eventSource": "s3.amazonaws.com", "eventName": name,
            "userIdentity": {"type": "IAMUser"}, "resources": [{"ARN": "arn:aws:s3:::b", "type": "AWS::S3::Bucket"}]} | more
records = parse_records([event("GetObject"), event("DeleteBucket", errorCode="AccessDenied", errorMessage="Access Denied")])
print(len(records), [name for name in vars(records[1]) if "error" in name.lower()])
print([(s.Effect, sorted(a.json_repr() for a in s.Action)) for s in generate_policy(records).Statement])
Y
python3 run.py > out 2> err || { tail -3 err >&2; cannot "run.py"; }
saw "records, their fields about errors" '2 []' "$(sed -n 1p out)"
saw "the policy" "[('Allow', ['s3:DeleteBucket', 's3:GetObject'])]" "$(sed -n 2p out)"
