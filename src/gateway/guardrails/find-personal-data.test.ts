import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findPersonalData, type PersonalDataType } from "./find-personal-data.ts";
import { foldText } from "./fold-text.ts";
import { Redactor } from "./redactor.ts";

const all = new Set<PersonalDataType>(["email", "phone", "card", "iban", "ip", "ssn"]);
const redact = (text: string): string => new Redactor().redact(text, all).text;

describe("personal data", () => {
  it("is found in its usual forms", () => {
    for (const [text, expected] of [
      ["Write to ada.lovelace+x@mail.example.co.uk.", "Write to [EMAIL_1]."], ["<a@b.io>,müller@exämple.de", "<[EMAIL_1]>,[EMAIL_2]"], ["mailto:o'neil@example.com?x", "mailto:[EMAIL_1]?x"],
      ["card 4111 1111 1111 1111, ok", "card [CARD_1], ok"], ["4111-1111-1111-1111", "[CARD_1]"], ["x 378282246310005 y", "x [CARD_1] y"], ["5555555555554444", "[CARD_1]"], ["pay 4111 1111 1111 1111 12", "pay [CARD_1] 12"],
      ["DE89 3704 0044 0532 0130 00 bank", "[IBAN_1] bank"], ["gb82west12345698765432", "[IBAN_1]"], ["NL91 ABNA 0417 1643 00", "[IBAN_1]"],
      ["SSN 078-05-1120.", "SSN [SSN_1]."], ["219 09 9999", "[SSN_1]"],
      ["from 192.168.1.17:8080", "from [IP_1]:8080"], ["at 2001:db8::ff00:42:8329 now", "at [IP_1] now"], ["::1", "[IP_1]"], ["2001:db8:0:0:1:0:0:1.", "[IP_1]."],
      ["call +49 (30) 1234567", "call [PHONE_1]"], ["+14155552671", "[PHONE_1]"], ["(415) 555-2671 or 415.555.2671", "[PHONE_1] or [PHONE_1]"], ["1-415-555-2671", "[PHONE_1]"], ["030 1234567", "[PHONE_1]"], ["0171-2345678", "[PHONE_1]"], ["090-1234-5678", "[PHONE_1]"],
      ["01 23 45 67 89", "[PHONE_1]"], ["020 7946 0958", "[PHONE_1]"], ["0049 30 1234567", "[PHONE_1]"],
    ] as const) assert.equal(redact(text), expected, text);
  });

  it("is not seen in what only looks like it", () => {
    for (const text of [
      "icon@2x.png is @home, a@b", "user@localhost", "4111 1111 1111 1112", "order 1234567890123456", "DE89 3704 0044 0532 0130 01", "XX89 3704 0044 0532 0130 00", "000-12-3456 and 666-12-3456 and 900-12-3456", "123456789",
      "version 1.2.3.4.5 of v10.0.0.1", "999.1.1.1 and 1.2.3", "12:34:56", "std::vector<int>", "2024-01-02 10:20:30", "01.02.2024 10:00", "01-02-2024", "2026-11-21T21:33:10.123Z", "1,234,567.89", "3.14159265358979", "0.123 456 789", "9f86d081884c7d65-9a2f", "550e8400-e29b-41d4-a716-446655440000",
      "10/12/2024", "4155552671", "1-2-3", "+1", "+12 and +5", "100 200 300", "x4111111111111111", "http://host/0123-456-789",
    ]) assert.equal(redact(text), text, text);
  });

  it("is found through digits of other scripts, other widths and characters without width", () => {
    for (const [text, expected] of [
      ["４１１１ １１１１ １１１１ １１１１", "[CARD_1]"], ["4\u200b111\u200d1111\u00ad1111\ufeff1111!", "[CARD_1]!"], ["٠٧٨-٠٥-١١٢٠", "[SSN_1]"], ["𝟎𝟕𝟖-𝟎𝟓-𝟏𝟏𝟐𝟎", "[SSN_1]"],
      ["ada\u200b@exam\u2060ple.com", "[EMAIL_1]"], ["ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[EMAIL_1]"], ["4111\u00a01111\u20111111\u00a01111", "4111\u00a01111\u20111111\u00a01111"], ["+49\u00a030\u20111234567", "[PHONE_1]"], ["連絡先はada@example.comです", "連絡先は[EMAIL_1]です"], ["😀078-05-1120😀", "😀[SSN_1]😀"],
    ] as const) assert.equal(redact(text), expected, text);
  });

  it("keeps its name within one call, however it is written", () => {
    const redactor = new Redactor();
    assert.equal(redactor.redact("a@x.org, B@x.org, A@X.ORG", all).text, "[EMAIL_1], [EMAIL_2], [EMAIL_1]");
    assert.equal(redactor.redact("4111 1111 1111 1111 4111-1111-1111-1111", all).text.endsWith("[CARD_1]"), true);
    assert.deepEqual(redactor.redact("b@x.org", all), { text: "[EMAIL_2]", findings: 1 });
  });

  it("leaves JSON JSON: numbers become strings, escapes are read, keys too are looked at", () => {
    const redactor = new Redactor();
    assert.equal(redactor.redactJson('{"card":4111111111111111,"to":["a\\u0040x.org"],"n":1}', all).text, '{"card":"[CARD_1]","to":["[EMAIL_1]"],"n":1}');
    const untouched = '{ "n" : 1.50 }';
    assert.equal(redactor.redactJson(untouched, all).text, untouched);
    assert.equal(redactor.redactJson('{"cut":"a@x.org', all).text, '{"cut":"[EMAIL_1]');
    const deep = `${"[".repeat(20_000)}"a@x.org"${"]".repeat(20_000)}`;
    assert.equal(redactor.redactJson(deep, all).findings, 1);
  });

  it("looks at each character of a hostile text a bounded number of times", () => {
    // Reads are counted by asking for growth: twice the text must not cost four times the reads.
    for (const hostile of ["@", "a@", "1", "1 ", "1-", "DE89", "1.", ":", "a.", "(1)", "+1", "4111 ", "AA11 "]) {
      const reads = (length: number): number => {
        const text = hostile.repeat(length / hostile.length);
        let count = 0;
        const counted = new Proxy(Object(text) as object, {
          get(target, key) {
            if (typeof key === "string" && key !== "length") count += key === "charCodeAt" || /^\d/.test(key) ? 1 : 10;
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === "function" ? (value as (...values: unknown[]) => unknown).bind(text) : value;
          },
        }) as unknown as string;
        findPersonalData(counted, all);
        return count;
      };
      const [small, large] = [reads(600), reads(1200)];
      assert.ok(large < small * 2.5 + 1000, `${hostile}: ${small} and ${large}`);
    }
  });

  it("maps places through what is folded away", () => {
    const { text, places } = foldText("a\u200b\u200bé１😀");
    assert.equal(text, "aé1😀");
    assert.deepEqual([...(places ?? [])], [0, 3, 4, 5, 6, 7]);
    assert.equal(foldText("plain").places, null);
  });
});

describe("tables of Unicode", () => {
  it("fold every decimal digit that this version of the language knows", () => {
    for (let code = 0x80; code < 0x20000; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const character = String.fromCodePoint(code);
      if (/\p{Nd}/u.test(character)) assert.match(foldText(character).text, /^[0-9]$/, code.toString(16));
    }
  });
});
