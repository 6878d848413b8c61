import { appendFileSync } from "node:fs";
import { z } from "zod";
import { workflow } from "../../src/index.ts";

/** Steps whose effects are lines in a file, so that a test sees how often each one ran. */
export default workflow({
  name: "effects",
  version: 1,
  description: "Writes a line for every run of a step.",
  input: z.strictObject({ file: z.string() }),
  async run(context, { file }) {
    const retry = { maxAttempts: 5, initialDelayMs: 1, maxDelayMs: 5 };
    const values: number[] = [];
    for (const name of ["first", "second", "third"]) {
      values.push(
        await context.step(name, () => {
          appendFileSync(file, `${context.runId} ${name}\n`);
          return name.length;
        }, { retry }),
      );
    }
    const { output } = await context.command("program", { command: ["/bin/sh", "-c", 'echo "$RUN program" >> "$FILE"; echo \'{"answer":42}\' > "$SLIPWAY_OUTPUT"'], environment: { FILE: file, RUN: context.runId } }, { retry });
    return { values, output };
  },
});
