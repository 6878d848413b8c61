import { describe, it } from "node:test";
import { traceSettingsScenario } from "../kit/trace-settings.ts";

describe("traceSample, traceSlowMs, traceRedact and traceExportUrl", () => {
  it("keep of traces what they say, whichever clients sent them, and send on what is kept", () => traceSettingsScenario());
});
