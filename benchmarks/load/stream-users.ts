import { setTimeout as sleep } from 'node:timers/promises';
import { runClient, summarize, watchOwnShare } from './client-process.ts';
import { Connection, formatRequest } from './connection.ts';
import { EventStreamReader } from './event-stream-reader.ts';
import { streamsSpecification, type StreamRecord, type StreamsReport, type StreamsSpecification } from './specifications.ts';

interface Run {
  readonly specification: StreamsSpecification;
  readonly startMs: number;
  readonly gapsMs: number[];
  readonly records: StreamRecord[];
}

function readStream(run: Run, connection: Connection, body: string): Promise<Omit<StreamRecord, 'user'>> {
  const reader = new EventStreamReader(run.specification);
  const sentMs = performance.now();
  return new Promise((resolve) => {
    connection.send(formatRequest(run.specification.target, body), {
      onBody: (data) => reader.push(data),
      onEnd: (status) => {
        const arrivals = reader.arrivalsMs;
        for (let i = 1; i < arrivals.length; i += 1) run.gapsMs.push((arrivals[i] ?? 0) - (arrivals[i - 1] ?? 0));
        resolve({
          status,
          startMs: sentMs - run.startMs,
          ttftMs: (arrivals[0] ?? sentMs) - sentMs,
          lastMs: (arrivals.at(-1) ?? sentMs) - run.startMs,
          events: arrivals.length,
          promptTokens: reader.promptTokens,
          completionTokens: reader.completionTokens,
          text: reader.text,
        });
      },
    });
  });
}

/** A fresh connection for every request, opened before the clock starts: some peers close theirs after a stream. */
async function runUser(run: Run, user: number): Promise<void> {
  const { target, bodies, rampMs } = run.specification;
  for (const [index, body] of (bodies[user] ?? []).entries()) {
    const connection = new Connection(target);
    await connection.open();
    if (index === 0) await sleep((rampMs * user) / bodies.length);
    run.records.push({ user, ...(await readStream(run, connection, body)) });
    connection.close();
  }
}

async function measure(specification: StreamsSpecification): Promise<StreamsReport> {
  const run: Run = { specification, startMs: performance.now(), gapsMs: [], records: [] };
  const ownShare = watchOwnShare();
  await Promise.all(specification.bodies.map((_, user) => runUser(run, user)));
  return {
    records: run.records,
    seconds: (performance.now() - run.startMs) / 1000,
    gaps: { count: run.gapsMs.length, ...summarize(run.gapsMs) },
    clientShare: ownShare(),
  };
}

await runClient(streamsSpecification, measure);
