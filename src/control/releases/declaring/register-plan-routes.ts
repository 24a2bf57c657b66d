import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errorTable } from '../../../core/errors/index.ts';
import { readForm } from '../read-form.ts';
import type { PlanOrder, ReleasePlanner } from './release-planner.ts';
import { differencesOf, digestOf } from './release-plan.ts';

const fileForm = {
  /** YAML or JSON text, or a mapping. */
  file: z.union([z.string(), z.record(z.string(), z.unknown())]),
  folder: z.string().min(1).max(4096).optional(),
};
const planForm = z.strictObject(fileForm);
const applyForm = z.strictObject({
  ...fileForm,
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'the digest of a plan')
    .optional(),
});

/**
 * `POST /plinth/v1/plan` tells what a declarative file would do, `POST /plinth/v1/apply` does it. Where a step fails the answer has the
 * status and the `error` of that step, beside `done` and `remaining`.
 */
export function registerPlanRoutes(
  app: FastifyInstance,
  planner: ReleasePlanner,
  { actorOf }: { readonly actorOf: (request: FastifyRequest) => string },
): void {
  const describePlan = async (given: PlanOrder): Promise<object> => {
    const plan = await planner.plan(given);
    const { revision, notes, steps } = plan;
    return { revision, digest: digestOf(plan), steps: steps.map(({ shown }) => shown), differences: differencesOf(plan), notes };
  };
  app.post('/plinth/v1/plan', (request) => {
    const { file, folder } = readForm(planForm, request.body ?? {}, 'The body');
    return describePlan({ file, actor: actorOf(request), ...(folder !== undefined && { folder }) });
  });
  app.post('/plinth/v1/apply', async (request, reply) => {
    const { file, folder, digest } = readForm(applyForm, request.body ?? {}, 'The body');
    const place = { ...(folder !== undefined && { folder }), ...(digest !== undefined && { digest }) };
    const { failed, ...report } = await planner.apply({ file, ...place, actor: actorOf(request) });
    if (failed === undefined) return report;
    const { code, message } = failed.error;
    return reply.code(errorTable[code].status).send({ error: { code, message }, failed: failed.step, ...report });
  });
}
