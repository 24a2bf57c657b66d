/** A file that could be part of a model; the path is inside the source's folder, with slashes. */
export interface CandidateFile {
  readonly path: string;
}

/** A file that is part of a model: its path in the model's own folder, and where it lies in the source's. */
export interface ChosenFile {
  readonly path: string;
  readonly from: string;
}

/** What a graph needs beside it, by path from the model's root. Read as data, never run. */
const COMPANIONS: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'normalizer.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'chat_template.jinja',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
  'labels.txt',
  'labels.json',
]);

/** The first of these is loaded when nobody says which; a folder's own `onnx` comes before its root. */
const MAIN_STEMS = ['model', 'encoder_model', 'model_quantized', 'encoder_model_quantized'];
const GRAPH_FOLDER = 'onnx';

/**
 * The files of the ONNX model in a folder, the graph that is loaded first at the beginning: a graph that was named (`main`), else
 * `onnx/model.onnx`, `model.onnx` and their like, else the only graph there is. With it come its external data, the decoder of an
 * encoder in the same precision, and what is known by name: tokenizer, configuration, labels. Throws an error in words when there is
 * no graph or no telling which.
 */
export function chooseFiles(candidates: readonly CandidateFile[], main?: string): readonly ChosenFile[] {
  const paths = candidates.map((file) => file.path);
  const graph = main === undefined ? chooseMain(paths) : paths.find((path) => path === main);
  if (graph === undefined) throw new Error(`it has no file ${main}`);
  const root = rootOf(graph);
  const wanted = paths.filter((path) => path !== graph && path.startsWith(root) && isPart(path, graph, root));
  return [graph, ...wanted].map((from) => ({ path: from.slice(root.length), from }));
}

function chooseMain(paths: readonly string[]): string {
  const graphs = paths.filter((path) => path.endsWith('.onnx')).toSorted(byDepth);
  const [first] = graphs;
  if (first === undefined) throw new Error('it has no .onnx file');
  const root = rootOf(first);
  const names = MAIN_STEMS.flatMap((stem) => [`${root}${GRAPH_FOLDER}/${stem}.onnx`, `${root}${stem}.onnx`]);
  const known = names.find((name) => graphs.includes(name));
  if (known !== undefined) return known;
  if (graphs.length === 1) return first;
  throw new Error(`it has ${graphs.length} .onnx files; name the one that is meant: ${graphs.slice(0, 3).join(', ')}`);
}

function byDepth(one: string, other: string): number {
  return one.split('/').length - other.split('/').length || (one < other ? -1 : 1);
}

/** The folder of the graph, with a slash behind it; of a graph in `onnx/` the one above. */
function rootOf(graph: string): string {
  const folders = graph.split('/').slice(0, -1);
  if (folders.at(-1) === GRAPH_FOLDER) folders.pop();
  return folders.map((folder) => `${folder}/`).join('');
}

function isPart(path: string, graph: string, root: string): boolean {
  if (COMPANIONS.has(path.slice(root.length))) return true;
  if (isExternalData(path, graph)) return true;
  const decoder = decoderOf(graph);
  return decoder !== undefined && (path === decoder || isExternalData(path, decoder));
}

/** `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data`. */
function isExternalData(path: string, graph: string): boolean {
  return path.startsWith(graph) && /^(?:_data(?:_\d+)?|\.data)$/.test(path.slice(graph.length));
}

/** The merged decoder that goes with an encoder of the same precision. */
function decoderOf(graph: string): string | undefined {
  const match = /^(.*\/)?encoder_model(_[a-z0-9]+)?\.onnx$/.exec(graph);
  return match === null ? undefined : `${match[1] ?? ''}decoder_model_merged${match[2] ?? ''}.onnx`;
}
