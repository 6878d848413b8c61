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

it("knows each special network to its last address, and none of its neighbours", () => {
  const networks = [
    ["0.0.0.0", "0.255.255.255", "1.0.0.0"], ["10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"], ["100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"], ["127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"],
    ["169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"], ["172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"], ["192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"], ["192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
    ["192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"], ["192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"], ["198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"], ["198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"],
    ["203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"], ["224.0.0.0", "255.255.255.255", "223.255.255.255"],
    ["[2001::]", "[2001:1ff:ffff::]", "[2000:ffff::1]", "[2001:200::]"], ["[2001:db8::]", "[2001:db8:ffff::]", "[2001:db7:ffff::]", "[2001:db9::]"],
    // These carry addresses of version 4: the last one 192.168.1.1.
    ["[2002::]", "[2002:c0a8:101::1]", "[2003::]"], ["[3fff::]", "[3fff:fff:ffff::]", "[3ffe:ffff::]", "[3fff:1000::]"],
  ] as const;
  for (const [first, last, ...neighbours] of networks) {
    assert.deepEqual([first, last].map((host) => mayBePublic(`http://${host}/`)), [false, false], first);
    assert.deepEqual(neighbours.map((host) => mayBePublic(`http://${host}/`)), neighbours.map(() => true), first);
  }
  assert.deepEqual(["[1fff:ffff::]", "[2000::]", "[3fff:ffff::]", "[4000::]"].map((host) => mayBePublic(`http://${host}/`)), [false, true, true, false]);
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
