/** What is wrong with a file or a description of a graph. Its message names what was found and what was expected; safe to show. */
export class OnnxToolsError extends Error {
  override readonly name = 'OnnxToolsError';
}
