export { estimateChat, mediaOfChat, mostTokensOfChat, needsOf } from "./chat-tokens.ts";
export { countedRound, textsOf } from "./counted-round.ts";
export { estimateTokens, mostTokens } from "./estimate-tokens.ts";
export { mostMediaTokens, type MediaTokens } from "./media-bounds.ts";
export { TokenCounter } from "./token-counter.ts";
export { truncateChat } from "./truncate-chat.ts";
