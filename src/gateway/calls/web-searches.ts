/** Models of OpenAI's chat completions that search the web for every call, asked for or not, and tell nobody how often. */
const searchModel = /(?:^|\/)gpt-[\w.-]+-search-(?:preview|api)(?:-\d{4}-\d{2}-\d{2}|-latest)?$/;
/** Of the second generation and before; a name that is not known counts as of the newest. */
const groundedByPrompt = /(?:^|\/)gemini-[12]\./;

export function searchesByItself(model: string): boolean {
  return searchModel.test(model);
}

/** Whether Gemini's grounding is billed once for a prompt, however many queries the model makes of it; later models are billed for each query. */
export function isGroundedByPrompt(model: string): boolean {
  return groundedByPrompt.test(model);
}
