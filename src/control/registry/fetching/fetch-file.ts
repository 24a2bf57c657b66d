import type { DownloadTarget } from '../sources/index.ts';
import { DigestMismatch, PartialFile, removePartial } from './partial-file.ts';

export interface FileOrder {
  readonly partialPath: string;
  /** Where the bytes come from: those held under another reference are not gone on from. */
  readonly reference: string;
  readonly bytes?: number;
  readonly sha256?: string;
  /** Writes the file to the target. */
  readonly fill: (target: DownloadTarget) => Promise<void>;
  readonly onBytes: (heldBytes: number, totalBytes: number | undefined) => void;
  readonly readFreeBytes?: (folder: string) => Promise<number>;
}

/**
 * One file, whole and on the disk at `partialPath`, going on from what is held of it. A digest that is wrong after a resumed download may
 * be the held bytes' fault: then once more from the beginning.
 */
export async function fetchFile(order: FileOrder): Promise<{ readonly sha256: string; readonly bytes: number }> {
  for (;;) {
    const partial = await openPartial(order);
    const wasHeld = partial.heldBytes > 0;
    try {
      const isWhole = order.sha256 !== undefined && order.bytes === partial.heldBytes;
      await (isWhole ? partial.resumeWhole() : order.fill(partial));
      return { sha256: await partial.finish(), bytes: partial.heldBytes };
    } catch (error) {
      const isWrong = error instanceof DigestMismatch;
      if (isWrong || !partial.isResumable) await removePartial(order.partialPath);
      if (!isWrong || !wasHeld) throw error;
    } finally {
      await partial.close();
    }
  }
}

function openPartial(order: FileOrder): Promise<PartialFile> {
  const { partialPath, reference, onBytes, bytes, sha256, readFreeBytes } = order;
  return PartialFile.open({
    filePath: partialPath,
    reference,
    onBytes,
    ...(bytes === undefined ? {} : { expectedBytes: bytes }),
    ...(sha256 === undefined ? {} : { expectedSha256: sha256 }),
    ...(readFreeBytes === undefined ? {} : { readFreeBytes }),
  });
}
