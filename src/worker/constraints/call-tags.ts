/** What opens and closes a call in generated text; the form that Hermes and Qwen models were trained on. */
export const callTags = { open: '<tool_call>', close: '</tool_call>' } as const;
