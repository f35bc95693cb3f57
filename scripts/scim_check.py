"""scim_check.py BASE_URL TOKEN: plays scim2-tester against a server; exit 1 when a check fails or nothing was checked."""
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

base, token = sys.argv[1:]
client = SyncSCIMClient(Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30))
results = check_server(client)
failed = [r for r in results if r.status not in (Status.SUCCESS, Status.SKIPPED)]
for r in failed:
    print(f"{r.status.name} {r.title}: {r.reason} {r.data or ''}")
done = sum(r.status == Status.SUCCESS for r in results)
skipped = len(results) - done - len(failed)
print(f"scim2-tester: {done} passed, {len(failed)} failed, {skipped} skipped")
sys.exit(1 if failed or not done else 0)
