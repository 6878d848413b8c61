import type { Migration } from "./migration.ts";

/** What calls are billed by beside tokens, or apart from them. Null in what a release before this one writes. */
export const billedUnits: Migration = {
  number: 21,
  name: "billed-units",
  async up({ schema }, { columnTypes: { integer } }) {
    for (const name of ["audio_input_tokens", "audio_output_tokens", "search_units", "web_searches"]) await schema.alterTable("ledger_entries").addColumn(name, integer).execute();
  },
};
