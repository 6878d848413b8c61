import { Field } from "../../parts/field.tsx";
import type { LimitsForm } from "./route-form.ts";

const limitFields = [
  ["requestsPerMinute", "Requests a minute"], ["tokensPerMinute", "Tokens a minute"], ["concurrency", "Calls at once"],
] as const;
const budgetFields = [["day", "Dollars a day"], ["month", "Dollars a month"], ["perQuery", "Dollars a call"]] as const;

/** Rates and budgets of a route or a key; an empty field limits nothing. */
export function LimitsFields({ form, problems, onChange }: { form: LimitsForm; problems: Record<string, string>; onChange: (part: Partial<LimitsForm>) => void }) {
  return (
    <>
      {([["Budget", budgetFields], ["Limits", limitFields]] as const).map(([legend, fields]) => (
        <fieldset key={legend} className="field-group gateway-numbers">
          <legend>{legend}</legend>
          {fields.map(([name, label]) => (
            <Field key={name} label={label} problem={problems[name]}>
              {(control) => <input {...control} className="input" inputMode="decimal" autoComplete="off" placeholder="no limit" value={form[name]} onChange={(event) => onChange({ [name]: event.target.value })} />}
            </Field>
          ))}
        </fieldset>
      ))}
    </>
  );
}
