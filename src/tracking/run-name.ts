/** Words that fit with each other in any pair, for names that people can say to each other. */
const adjectives = [
  "able", "agile", "amber", "ample", "apt", "azure", "bold", "brave", "bright", "brisk", "calm", "candid", "careful", "cheerful", "clean", "clear", "clever", "coral", "crisp", "curious",
  "deft", "eager", "early", "fair", "fast", "firm", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "handy", "happy", "hardy", "honest", "humble", "jolly", "keen",
  "kind", "late", "light", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "placid", "polite", "proud", "quick", "quiet",
  "rapid", "ready", "robust", "rosy", "salty", "serene", "sharp", "shiny", "silent", "silver", "smooth", "snug", "sober", "solid", "spry", "steady", "still", "sturdy", "sunny", "swift",
  "tidy", "upbeat", "vivid", "warm", "wise", "witty", "zesty",
] as const;
const nouns = [
  "anchor", "auk", "barge", "bay", "beacon", "breeze", "brig", "buoy", "canoe", "cape", "clam", "cliff", "clipper", "cod", "compass", "coral", "cormorant", "cove", "crab", "crane", "current",
  "cutter", "deck", "dinghy", "dock", "dolphin", "dory", "eel", "ferry", "fjord", "fleet", "frigate", "gale", "galley", "gannet", "gull", "harbor", "haven", "helm", "heron", "hull", "island",
  "jetty", "kayak", "keel", "kelp", "ketch", "lagoon", "lantern", "launch", "loon", "mast", "mooring", "oar", "orca", "osprey", "otter", "pearl", "pelican", "pier", "pilot", "plover", "puffin",
  "quay", "raft", "reef", "rudder", "sail", "salmon", "schooner", "seal", "shoal", "shore", "skiff", "sloop", "sound", "squid", "surf", "tern", "tide", "trawler", "tug", "turtle", "voyage",
  "walrus", "wave", "wharf", "yawl",
] as const;

/** Such as `steady-heron-417`. `random` gives numbers in [0, 1). */
export function runName(random: () => number): string {
  const pick = <Word>(words: readonly Word[]): Word => words[Math.floor(random() * words.length)]!;
  return `${pick(adjectives)}-${pick(nouns)}-${Math.floor(random() * 1000)}`;
}
