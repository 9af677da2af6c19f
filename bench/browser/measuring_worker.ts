/**
 * The worker that measures: it is told a job, and tells what happens.
 *
 * @module
 */

import { variants } from "../../variants/mod.ts";
import type { Job } from "../measure/job.ts";
import { measure } from "../measure/run.ts";
import type { WorkerEvent } from "./run.ts";
import { serve } from "./worker_scope.ts";

serve<Job, WorkerEvent>(async (job, tell) => {
  try {
    await measure(job, variants, tell);
  } catch (error) {
    tell({ type: "died", reason: error instanceof Error ? error.message : String(error) });
  }
});
