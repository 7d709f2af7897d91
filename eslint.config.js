import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Rules of docs and CONTRIBUTING.md that a machine can hold. Formatting is prettier's. */
export default tseslint.config(
  {
    ignores: [
      'dist/',
      'native/build*/',
      'src/gen/',
      'web/rest-types.d.ts',
      'coverage/',
      'examples/typescript/build/',
      'test/.cache/',
      'test/bench/results/',
    ],
  },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.json', 'test/tsconfig.json', 'examples/typescript/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/strict-boolean-expressions': [
        'error',
        { allowNullableBoolean: true, allowNullableString: true, allowNumber: false },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        fetch: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { module: 'writable' } },
  },
  {
    // Browser code. tsc checks its types and that every name is defined.
    files: ['web/**'],
    languageOptions: { globals: {} },
    rules: {
      'no-undef': 'off',
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write'].map((property) => ({
          property,
          message: 'Insert texts of the proxy and of cameras as text (textContent), never as HTML.',
        })),
      ],
    },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.object.name="process"][callee.property.name="exit"]',
          message: 'Only bin/ may end the process. Set process.exitCode or throw.',
        },
      ],
      // Also matches `import { exit } from "node:process"`.
      'no-restricted-imports': ['error', { paths: [{ name: 'node:process', importNames: ['exit'] }] }],
    },
  },
  {
    files: ['src/cli/**', 'bin/**', '.ci/**', 'tools/**', 'examples/**', 'test/**'],
    rules: { 'no-console': 'off' },
  },
  {
    // Tests may use type assertions and stubs.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/dot-notation': 'off', // process.env['NAME'] as in src, or process.env.NAME
      '@typescript-eslint/no-unsafe-assignment': 'off', // expect.any() and JSON.parse() are any
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
);
