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
      <Field label="Tokens a provider may add" problem={problems.addedTokens} hint="Of input, which budgets keep for calls whose provider searches the web or files, or goes on from an earlier answer. 272,000 where route and key say nothing; of both the larger.">
        {(control) => <input {...control} className="input" inputMode="numeric" autoComplete="off" placeholder="272000" value={form.addedTokens} onChange={(event) => onChange({ addedTokens: event.target.value })} />}
      </Field>
    </>
  );
}
