import {
  isLoopbackRedirect,
  isRegisteredRedirect,
  redirectHost,
  redirectProblem,
  redirectSource,
} from './redirect-rules.js';

test.each([
  'https://app.example.com/callback',
  'https://app.example.com:8443/cb?x=1&y=%20',
  'http://localhost/cb',
  'http://localhost:51234/cb',
  'http://127.0.0.1:3118/callback',
  'http://[::1]:8080/',
  'cursor://anysphere.cursor-retrieval/oauth/user-mcp/callback',
  'vscode://vscode.github-authentication/did-authenticate',
  'com.example.app:/oauth',
])('a browser may be sent to %s', (address) => {
  expect(redirectProblem(address)).toBeUndefined();
});

test.each([
  '',
  '/relative',
  'app.example.com/cb',
  'http://app.example.com/cb',
  'http://localhost.evil.example/cb',
  'http://127.0.0.1.evil.example/cb',
  'http://127.0.0.2@evil.example/cb',
  'http://localhost:80:80/cb',
  'https://user@app.example.com/cb',
  'https://user:password@app.example.com/cb',
  'https://app.example.com/cb#fragment',
  'https://app.example.com/cb#',
  'https://app.example.com\\@evil.example/cb',
  'https://app.example.com/cb\r\nSet-Cookie: a=b',
  'https://app.example.com/ cb',
  'https://app.example.com/"><script>',
  'https://a;script-src.example/cb',
  'https://ехаmple.com/cb',
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'javascript://app.example.com/%0aalert(1)',
  'java\nscript:alert(1)',
  ' javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'data:/text/html,x',
  'vbscript:msgbox(1)',
  'file:///etc/passwd',
  'blob:https://app.example.com/1',
  'about:blank',
  'view-source:https://app.example.com/',
  'intent://scan/#Intent;end',
  'mailto:somebody@example.com',
  'ws://localhost/cb',
  'urn:ietf:wg:oauth:2.0:oob',
  'x:/cb',
  `https://app.example.com/${'a'.repeat(2_000)}`,
])('no browser is sent to %j', (address) => {
  expect(redirectProblem(address)).toEqual(expect.any(String));
});

test('with a list of origins only those count, and loopback', () => {
  const policy = { origins: ['https://app.example.com', 'cursor://anysphere.cursor-retrieval'] };
  expect(redirectProblem('https://app.example.com/any/path', policy)).toBeUndefined();
  expect(redirectProblem('cursor://anysphere.cursor-retrieval/cb', policy)).toBeUndefined();
  expect(redirectProblem('http://localhost:1/cb', policy)).toBeUndefined();
  expect(redirectProblem('https://app.example.com.evil.example/cb', policy)).toBeDefined();
  expect(redirectProblem('https://app.example.com:444/cb', policy)).toBeDefined();
  expect(redirectProblem('cursor://other/cb', policy)).toBeDefined();
  expect(redirectProblem('vscode://host/cb', policy)).toBeDefined();
});

test.each([
  ['https://a.example/cb', 'https://a.example/cb', true],
  ['https://a.example/cb', 'https://a.example/cb/', false],
  ['https://a.example/cb', 'https://a.example/cB', false],
  ['https://a.example/cb', 'https://a.example/cb?x=1', false],
  ['https://a.example/cb', 'https://a.example:443/cb', false],
  ['https://a.example/cb', 'https://A.example/cb', false],
  ['https://a.example:1/cb', 'https://a.example:2/cb', false],
  ['https://a.example/cb', 'https://a.example/x/../cb', false],
  ['http://localhost/cb', 'http://localhost:4711/cb', true],
  ['http://localhost:1/cb', 'http://localhost:4711/cb', true],
  ['http://127.0.0.1:1/cb?x=1', 'http://127.0.0.1:2/cb?x=1', true],
  ['http://[::1]:1/cb', 'http://[::1]:2/cb', true],
  ['http://localhost:1/cb', 'http://localhost:1/cb2', false],
  ['http://localhost:1/cb', 'http://127.0.0.1:1/cb', false],
  ['http://localhost:1/cb', 'http://localhost:1@evil.example/cb', false],
  ['http://localhost:1/cb', 'http://localhost:1.evil.example/cb', false],
  ['http://localhost:1/cb?x=1', 'http://localhost:2/cb?x=2', false],
  ['cursor://host/cb', 'cursor://host/cb', true],
  ['cursor://host/cb', 'cursor://host:1/cb', false],
])('%s registered, %s asked for: %s', (registered, asked, fits) => {
  expect(isRegisteredRedirect(['https://other.example/', registered], asked)).toBe(fits);
});

test('what people read, and what a form may lead to', () => {
  expect(redirectHost('http://localhost:1/cb')).toBe('localhost:1');
  expect(redirectHost('https://a.example/cb')).toBe('a.example');
  expect(redirectHost('cursor://host/cb')).toBe('cursor://host');
  expect(redirectSource('https://a.example/cb')).toBe('https://a.example');
  expect(redirectSource('cursor://host/cb')).toBe('cursor:');
  expect(isLoopbackRedirect('http://127.0.0.1:1/')).toBe(true);
  expect(isLoopbackRedirect('https://a.example/')).toBe(false);
  expect(isLoopbackRedirect('cursor://localhost/')).toBe(false);
});
