import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/temporary.ts'],
    include: ['test/**/*.test.ts'],
    // A synthesis takes seconds, more where other programs have the processors.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // One process for all files: loading CDK and synthesizing take most of the time.
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
  },
});
