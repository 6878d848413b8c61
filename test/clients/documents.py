"""The blocks of Python in the gateway's documents, as they are written there; only the address is that of this server."""

import os
import pathlib
import re

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its prices come from a network otherwise

from checks import check, finish, server

target = server()
documents = pathlib.Path(__file__).parents[2] / "docs"


def blocks(page):
    found = re.findall(r"^```python\n(.*?)^```", (documents / page).read_text(), re.M | re.S)
    return [re.sub(r"http://(127\.0\.0\.1|localhost):4400", target.url, block) for block in found]


for page, least in (("gateway.md", 2), ("tracing.md", 2)):
    found = blocks(page)
    with check(f"{page} has blocks of Python"):
        assert len(found) >= least, found
    for number, block in enumerate(found, 1):
        with check(f"block {number} of {page} runs"):
            exec(compile(block, f"{page}, block {number}", "exec"), {"__name__": "__main__"})

finish()
