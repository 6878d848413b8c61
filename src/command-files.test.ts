import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commandFiles, commandsFor } from "./command-files.ts";

const namesFor = async (...parameters: string[]): Promise<string[]> => (await commandsFor(parameters)).map(({ words }) => words.join(" "));

describe("the commands that are loaded", () => {
  it("are found by the first words of each file", async () => {
    for (const { words, load } of commandFiles) {
      assert.deepEqual([...words], [...new Set((await load()).map((command) => command.words[0]!))].sort());
    }
  });

  it("are those of all files with the word that is called", async () => {
    const models = await namesFor("models", "rename", "a", "b");
    assert.ok(models.includes("models") && models.includes("models rename"));
    assert.ok(!models.includes("keys list"));
    assert.deepEqual(await namesFor("--json", "--url", "keys", "models"), models);
    assert.deepEqual(await namesFor("--url=keys", "models"), models);
  });

  it("are none for the server, and all for help and for what nobody knows", async () => {
    assert.deepEqual(await namesFor("up", "--port", "0"), []);
    assert.deepEqual(await namesFor("serve"), []);
    const all = await namesFor();
    assert.equal(new Set(all).size, all.length);
    for (const parameters of [["--help"], ["help", "up"], ["modles"], ["--json"]]) assert.deepEqual(await namesFor(...parameters), all);
  });
});
