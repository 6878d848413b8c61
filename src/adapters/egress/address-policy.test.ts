import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { addressBlock, addressBytes, inBlock, isPublicAddress, mayBeNamed } from "./address-policy.ts";

const isPublic = (text: string): boolean => isPublicAddress(addressBytes(text)!);

describe("isPublicAddress", () => {
  it("refuses every special block of IPv4, at its edges, and takes the neighbours", () => {
    const edges: [first: string, last: string, before: string | null, after: string | null][] = [
      ["0.0.0.0", "0.255.255.255", null, "1.0.0.0"], ["10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"], ["100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
      ["127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"], ["169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"], ["172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"],
      ["192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"], ["192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"], ["198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"],
      ["224.0.0.0", "255.255.255.255", "223.255.255.255", null], ["169.254.169.254", "169.254.169.254", null, null], ["192.0.2.1", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
      ["198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"], ["203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"], ["192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"],
    ];
    for (const [first, last, before, after] of edges) {
      for (const inside of [first, last]) assert.equal(isPublic(inside), false, inside);
      for (const outside of [before, after]) if (outside !== null) assert.equal(isPublic(outside), true, outside);
    }
  });

  it("refuses what is not global in IPv6, and judges an embedded address of IPv4 by itself", () => {
    for (const text of [
      "::", "::1", "::2", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00::1", "fd00:ec2::254", "ff02::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:0808:0808::1", "3fff::1", "4000::1", "5f00::1", "64:ff9b:1::808:808",
      "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", "::ffff:0:0", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "::127.0.0.1", "::7f00:1", "::ffff:0:127.0.0.1",
    ]) assert.equal(isPublic(text), false, text);
    for (const text of ["2606:4700::1111", "2a00:1450:4001:82a::200e", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b::8.8.8.8"]) assert.equal(isPublic(text), true, text);
  });

  it("says the same of an address however it is embedded", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const expected = isPublic(text);
        assert.equal(isPublic(`::ffff:${text}`), expected);
        assert.equal(isPublic(`64:ff9b::${text}`), expected);
        const hex = Buffer.from(addressBytes(text)!).toString("hex");
        assert.equal(isPublic(`0:0:0:0:0:FFFF:${hex.slice(0, 4)}:${hex.slice(4)}`), expected);
        assert.equal(isPublic(`2002:${hex.slice(0, 4)}:${hex.slice(4)}::1`), false);
      }),
    );
  });
});

describe("mayBeNamed", () => {
  it("keeps names from links, groups and the credentials of machines", () => {
    for (const text of ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"]) assert.equal(mayBeNamed(addressBytes(text)!), false, text);
    for (const text of ["127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::1", "8.8.8.8"]) assert.equal(mayBeNamed(addressBytes(text)!), true, text);
  });
});

describe("addressBlock", () => {
  it("agrees with the platform's own block lists", () => {
    const v4 = fc.record({ net: fc.ipV4(), bits: fc.integer({ min: 0, max: 32 }), other: fc.ipV4() });
    const v6 = fc.record({ net: fc.ipV6(), bits: fc.integer({ min: 0, max: 128 }), other: fc.ipV6() });
    const check = (kind: "ipv4" | "ipv6") => ({ net, bits, other }: { net: string; bits: number; other: string }): void => {
      const list = new BlockList();
      list.addSubnet(net, bits, kind);
      const block = addressBlock(`${net}/${bits}`)!;
      assert.equal(inBlock(addressBytes(net)!, block), true);
      assert.equal(inBlock(addressBytes(other)!, block), list.check(other, kind));
      // Addresses that share the first bits are the interesting ones.
      const near = Uint8Array.from(addressBytes(net)!);
      if (bits > 0) near[(bits - 1) >> 3]! ^= 0x80 >> ((bits - 1) & 7);
      assert.equal(inBlock(near, block), bits === 0);
    };
    fc.assert(fc.property(v4, check("ipv4")));
    fc.assert(fc.property(v6, check("ipv6")));
  });

  it("is null for what is no address", () => {
    for (const text of ["localhost", "1.2.3", "0x7f.0.0.1", "127.1", "", "1.2.3.4/8/8", "::1::"]) assert.equal(addressBlock(text), null, text);
  });
});
