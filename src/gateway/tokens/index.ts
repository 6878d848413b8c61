export { estimateChat, mostTokensOfChat, needsOf } from "./chat-tokens.ts";
export { estimateTokens, mostTokens } from "./estimate-tokens.ts";
export { TokenCounter } from "./token-counter.ts";
export { truncateChat } from "./truncate-chat.ts";
