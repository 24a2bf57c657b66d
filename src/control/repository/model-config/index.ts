export type { ConfigMessage } from './config-message.ts';
export { findUnhonoured } from './find-unhonoured.ts';
export { formatConfigJson } from './format-config-json.ts';
export { parseConfigJson } from './parse-config-json.ts';
export { parseConfigText } from './parse-config-text.ts';
export { isSet, mapOf, messageOf, messagesOf, numberOf, numbersOf, textOf, textsOf } from './read-fields.ts';
