import { parseSharedFile } from './shared-profile.js';

const text = `
# a comment
[default]
aws_access_key_id = AKIDEFAULT
aws_secret_access_key=secret/with+signs=in#it
region = eu-central-1 ; Frankfurt

[ profile "two words" ]
role_arn = arn:aws:iam::123456789012:role/two
s3 =
  max_concurrent_requests = 20
SOURCE_PROFILE = default

[services local]
aws_access_key_id = not-a-profile
no value here
`;

test('the config file names its profiles with a word before them', () => {
  const profiles = parseSharedFile(text.replaceAll('\n', '\r\n'), true);
  expect([...profiles.keys()]).toEqual(['default', 'two words']);
  expect(profiles.get('default')).toEqual({
    aws_access_key_id: 'AKIDEFAULT',
    aws_secret_access_key: 'secret/with+signs=in#it',
    region: 'eu-central-1',
  });
  expect(profiles.get('two words')).toEqual({
    role_arn: 'arn:aws:iam::123456789012:role/two',
    s3: '',
    source_profile: 'default',
  });
});

test('the credentials file names them as they are', () => {
  expect(parseSharedFile('[work]\naws_access_key_id = A\n[work]\naws_session_token = T', false).get('work')).toEqual({
    aws_access_key_id: 'A',
    aws_session_token: 'T',
  });
});
