import assert from "node:assert/strict";
import { it } from "node:test";
import { answeredCosts } from "./answered-costs.ts";
import type { StoredSpan } from "./stored-span.ts";

it("answeredCosts takes the cost from the gateway's own span, and reads each trace once", async () => {
  const key = (team: string) => ({ team, traceId: "a".repeat(32) });
  const span = (attributes: StoredSpan["attributes"]): StoredSpan => ({ attributes }) as unknown as StoredSpan;
  const asked: string[] = [];
  const store = {
    answered: () => Promise.resolve(new Map([["msg_1", key("blue")], ["msg_2", key("blue")], ["msg_3", key("red")]])),
    spans: ({ team }: { team: string }) => {
      asked.push(team);
      return Promise.resolve(team === "red" ? [] : [
        span({ "gen_ai.response.id": "msg_1", "slipway.cost_nano_dollars": 375 }), span({ "slipway.route": "chat", "gen_ai.response.id": "msg_1", "slipway.call_cost_nano_dollars": 600 }),
        span({ "slipway.route": "chat", "gen_ai.response.id": "msg_2", "slipway.cost_nano_dollars": 7, "slipway.actor": "key:key_1" }),
      ]);
    },
  };
  const found = await answeredCosts(store, ["msg_1", "msg_2", "msg_3"]);
  assert.deepEqual([found.get("msg_1"), found.get("msg_2"), found.get("msg_3")], [{ ...key("blue"), cost: 600 }, { ...key("blue"), cost: 7, actor: "key:key_1" }, key("red")]);
  assert.deepEqual(asked, ["blue", "red"]);
});
