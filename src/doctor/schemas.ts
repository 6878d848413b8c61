import { z } from "zod";

export const DoctorResult = z
  .object({
    name: z.string(),
    state: z.enum(["ok", "warning", "problem", "skipped"]),
    finding: z.string().meta({ description: "What is, with its figures" }),
    advice: z.string().meta({ description: "What to do; empty when all is well" }),
  })
  .meta({ id: "DoctorResult" });
export type DoctorResult = z.infer<typeof DoctorResult>;
