import type { Grant } from "../../data/types.ts";
import { callSnippets } from "../gateway/call-snippets.ts";

/** The key at work in the languages that people ask for first; with one model or route the snippet asks for that one. */
export function keySnippets(key: string, origin: string, grants: readonly Grant[]): { id: string; label: string; code: string }[] {
  const model = grants.find((grant) => grant.models !== undefined)?.models?.[0];
  const route = grants.find((grant) => grant.routes !== undefined)?.routes?.[0];
  if (model === undefined && route !== undefined) return callSnippets(route, origin, key);
  const path = model === undefined ? "/api/models" : `/v2/models/${encodeURIComponent(model)}`;
  return [
    { id: "curl", label: "curl", code: [`export SLIPWAY_API_KEY=${key}`, `curl ${origin}${path} \\`, '  --header "Authorization: Bearer $SLIPWAY_API_KEY"'].join("\n") },
    {
      id: "python", label: "Python",
      code: [
        "import json, urllib.request", "", "request = urllib.request.Request(", `    "${origin}${path}",`, `    headers={"Authorization": "Bearer ${key}"},`, ")",
        "print(json.load(urllib.request.urlopen(request)))",
      ].join("\n"),
    },
    {
      id: "typescript", label: "TypeScript",
      code: [
        'import { SlipwayClient } from "slipway";', "", "const slipway = new SlipwayClient({", `  url: "${origin}",`, `  apiKey: "${key}",`, "});",
        model === undefined ? "console.log(await slipway.models());" : `console.log(await slipway.model(${JSON.stringify(model)}));`,
      ].join("\n"),
    },
  ];
}
