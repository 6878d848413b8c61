import type { IconName } from "../parts/icon.tsx";

/** One entry of the navigation. A capability that gets pages adds a row here, and nothing that does not exist is shown. */
export interface Section {
  id: string;
  label: string;
  icon: IconName;
  href: string;
  /** Addresses on which the entry is the current one. */
  matches: RegExp;
  /** A list that is shown below the entry. */
  children?: "models";
  /** Entries of a group stand together under its name. */
  group: "Serve" | "Build" | "Watch" | "Reference";
  /** Other words by which the palette finds it. */
  keywords: string;
}

export const sections: readonly Section[] = [
  {
    id: "models", label: "Models", icon: "models", href: "/models", matches: /^\/(models|predictions)(\/|$)/, children: "models",
    group: "Serve", keywords: "home list versions serving endpoints",
  },
  { id: "docs", label: "API", icon: "book", href: "/docs", matches: /^\/docs\/?$/, group: "Reference", keywords: "reference openapi documentation routes curl" },
];

export const modelTabs = [
  { id: "overview", label: "Overview", path: "" },
  { id: "try", label: "Try it", path: "/try" },
  { id: "predictions", label: "Predictions", path: "/predictions" },
  { id: "drift", label: "Drift", path: "/drift" },
  { id: "contract", label: "Contract", path: "/contract" },
  { id: "policy", label: "Policy", path: "/policy" },
] as const;

export type ModelTab = (typeof modelTabs)[number]["id"];
