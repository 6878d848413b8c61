import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { readMarkdown, type MarkdownBlock, type MarkdownInline } from "./read-markdown.ts";

const text = (words: string): MarkdownInline => ({ kind: "text", text: words });
const paragraph = (...of: MarkdownInline[]): MarkdownBlock => ({ kind: "paragraph", of });

/** All that somebody would read, and the addresses of links. */
function words(nodes: readonly (MarkdownBlock | MarkdownInline)[]): string {
  return nodes.map((node): string => {
    switch (node.kind) {
      case "text": case "code": return node.text + ("language" in node ? ` ${node.language}\n` : "");
      case "link": return `${words(node.of)} ${node.href}`;
      case "list": return `${node.items.map(({ of }) => words(of)).join("\n")}\n`;
      case "table": return `${[node.head, ...node.rows].flat().map(words).join(" ")}\n`;
      case "rule": case "break": return " ";
      case "paragraph": case "heading": case "quote": return `${words(node.of)}\n`;
      default: return words(node.of);
    }
  }).join("");
}

describe("readMarkdown", () => {
  it("leaves text alone that has none", () => {
    for (const plain of ["", "Hello.", "two\nlines", "two\n\nparagraphs, 3 * 4 = 12", "a & b < c"]) assert.equal(readMarkdown(plain), null, plain);
  });

  it("reads what models answer with", () => {
    assert.deepEqual(readMarkdown("## Plan\nFirst **do** `this`, *then* ~~that~~.\n\n```ts\nlet a = 1;\n```"), [
      { kind: "heading", depth: 2, of: [text("Plan")] },
      paragraph(text("First "), { kind: "strong", of: [text("do")] }, text(" "), { kind: "code", text: "this" }, text(", "), { kind: "emphasis", of: [text("then")] }, text(" "), { kind: "deleted", of: [text("that")] }, text(".")),
      { kind: "code", text: "let a = 1;", language: "ts" },
    ]);
    assert.deepEqual(readMarkdown("3. three\n   - [x] done\n   - [ ] open"), [
      { kind: "list", first: 3, items: [{ checked: null, of: [paragraph(text("three")), { kind: "list", first: null, items: [{ checked: true, of: [paragraph(text("done"))] }, { checked: false, of: [paragraph(text("open"))] }] }] }] },
    ]);
    assert.deepEqual(readMarkdown("| a | b |\n|---|---|\n| 1 | `2` |"), [{ kind: "table", head: [[text("a")], [text("b")]], rows: [[[text("1")], [{ kind: "code", text: "2" }]]] }]);
    assert.deepEqual(readMarkdown("> quoted\n\n---"), [{ kind: "quote", of: [paragraph(text("quoted"))] }, { kind: "rule" }]);
  });

  it("links only to where a browser may go, and loads no image", () => {
    assert.deepEqual(readMarkdown("[a](https://example.org/x)"), [paragraph({ kind: "link", href: "https://example.org/x", of: [text("a")] })]);
    for (const address of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//example.org", "/api/keys"]) {
      assert.deepEqual(readMarkdown(`**x** [a](${address})`)?.[0], paragraph({ kind: "strong", of: [text("x")] }, text(" "), text(`[a](${address})`)), address);
    }
    assert.deepEqual(readMarkdown("**x** ![a](https://example.org/pixel.png)")?.[0], paragraph({ kind: "strong", of: [text("x")] }, text(" "), text("![a](https://example.org/pixel.png)")));
  });

  it("keeps HTML as text", () => {
    assert.deepEqual(readMarkdown("**x** <img src=x onerror=alert(1)>")?.[0], paragraph({ kind: "strong", of: [text("x")] }, text(" "), text("<img src=x onerror=alert(1)>")));
    assert.deepEqual(readMarkdown("<script>alert(1)</script>\n\n**x**")?.[0], paragraph(text("<script>alert(1)</script>")));
  });

  it("loses no word, whatever it is given", () => {
    const piece = fc.oneof(fc.constantFrom(..."*_`~#>-+|[](){}<>!\\&:;/ \n\t\"'=0123456789".split("")), fc.constantFrom("\n\n", "\n    ", "```", "- [ ] ", "1. ", "|--|", "](", "http://", "<b>", "&amp;"), fc.stringMatching(/^[a-z]{3,8}$/));
    fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const written = pieces.join("");
      const blocks = readMarkdown(written);
      if (blocks === null) return;
      const shown = words(blocks);
      for (const word of written.match(/[a-z]{3,}/g) ?? []) assert.ok(shown.includes(word), `${JSON.stringify(word)} of ${JSON.stringify(written)}`);
    }));
  });

  it("answers for what is made to be hard to read", () => {
    const hostile = [">".repeat(20_000), "[".repeat(20_000), "_a__b".repeat(4000), "- ".repeat(10_000), "*a ".repeat(6000), "![".repeat(10_000), "`a".repeat(10_000), Array.from({ length: 190 }, (_, depth) => `${" ".repeat(depth)}- x`).join("\n"), "**x** ".repeat(4000)];
    for (const each of hostile) {
      const blocks = readMarkdown(each);
      assert.ok(blocks === null || words(blocks).length > 0);
    }
  });
});
