/** In the place of an image that a model made, where a protocol's answers have none: nothing is lost silently, and what was made has its price. */
export const imageNote = "[The model made an image, for which this protocol has no place. Ask by /v1/chat/completions or /v1/responses, which give it.]";
