import assert from "node:assert/strict";
import { it } from "node:test";
import { chatProtocols } from "./index.ts";
import { mayBePublic } from "./public-address.ts";

it("knows addresses that lead into a network, however they are written", () => {
  const inner = [
    "http://127.0.0.1/a", "http://127.1/a", "http://2130706433/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://10.1.2.3/", "http://172.31.0.1/", "http://192.168.1.1:8080/", "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/", "http://255.255.255.255/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a00:1]/", "http://[::127.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00::1]/", "http://[fe80::1]/", "http://[fec0::1]/", "http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://metadata.google.internal/", "http://redis/", "http://printer.local/", "https://user:pass@127.0.0.1/", "http://", "http://a b/",
  ];
  assert.deepEqual(inner.filter(mayBePublic), []);
  const outer = ["https://example.com/a.png", "http://8.8.8.8/", "https://[2606:4700::1111]/", "https://a.b.example.com:8443/x?y=http://127.0.0.1/", "https://internal.example.com/", "http://172.32.0.1/"];
  assert.deepEqual(outer.filter((url) => !mayBePublic(url)), []);
});

it("lets no protocol send a provider there", () => {
  const url = "http://169.254.169.254/latest/meta-data";
  const bodies = {
    "openai-chat": { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] },
    "openai-responses": { input: [{ role: "user", content: [{ type: "input_image", image_url: url }, { type: "input_file", file_url: url }] }] },
    "anthropic-messages": { messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url } }, { type: "document", source: { type: "url", url } }] }] },
  } as const;
  for (const [name, body] of Object.entries(bodies)) assert.throws(() => chatProtocols[name as keyof typeof bodies].parse({ model: "m", ...body }), { code: "INVALID_REQUEST" }, name);
});
