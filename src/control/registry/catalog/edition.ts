/** A file of an edition: taken from the source, written out by the catalog, or made from files of the source. */
export type EditionFile =
  | {
      readonly path: string;
      /** Where it lies in the source's folder. */
      readonly from: string;
      readonly bytes: number;
      readonly sha256: string;
    }
  | { readonly path: string; readonly text: string }
  | {
      readonly path: string;
      /** An encoder of the BERT family in safetensors, made into an ONNX graph. */
      readonly convertedFrom: {
        readonly weights: { readonly from: string; readonly bytes: number; readonly sha256: string };
        /** The path of the edition's own `config.json`. */
        readonly config: string;
      };
    };

/** One way to get the files of a model. Files of different editions need not be equal byte for byte. */
export interface Edition {
  /** A folder of a source. */
  readonly source: string;
  /** The graph that is loaded first, where the source leaves a choice. */
  readonly main?: string;
  /** All files, the graph that is loaded first at the beginning. Absent: chosen from what the source's folder offers. */
  readonly files?: readonly EditionFile[];
}
