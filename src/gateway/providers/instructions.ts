/** What a provider is asked for in words where it has no field: `parallel_tool_calls: false`. */
export const oneCallAtATime = "Call at most one tool at a time, and wait for its result before you call another.";

/** `tool_choice: none`, where the tools must be declared all the same because the conversation has calls of them. */
export const noCalls = "Do not call any tools; answer in text.";
