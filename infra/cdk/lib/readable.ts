// CloudFormation's references as text: `{"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/jobs/*"]]}` becomes
// `<Bucket.Arn>/jobs/*`. So a policy can be read, printed and compared; cdk-nag names its findings in the same form.

/** A resolved value of a template as one line of text. */
export function readable(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = ['', undefined]] = Object.entries(value);
  switch (name) {
    case 'Ref':
      return `<${argument}>`;
    case 'Fn::GetAtt':
      return `<${(argument as string[]).join('.')}>`;
    case 'Fn::Join': {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map(readable).join(separator);
    }
    case 'Fn::Sub':
      return (argument as string).replace(/\$\{([^}]+)\}/g, '<$1>');
    default:
      return JSON.stringify(value);
  }
}
