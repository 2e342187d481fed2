// Where the machines are: public subnets without NAT, nothing let in, HTTPS let out; S3 and DynamoDB by gateway endpoints.
//
// A machine has a public address while it runs, and pays for that; NAT gateways or interface endpoints would cost the same
// whether or not anything runs. docs/operations.md has the figures.

import { Annotations, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Settings } from '../settings';

export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    const { existingVpcId, existingSubnetIds } = settings.network;
    if (existingVpcId) {
      // Batch asks for subnets alone: what else CDK could look up is not needed, so that synthesis needs no account.
      this.vpc = ec2.Vpc.fromVpcAttributes(this, 'Vpc', { vpcId: existingVpcId, availabilityZones: ['any'] });
      this.subnets = { subnets: existingSubnetIds.map((subnet) => this.findSubnet(subnet)) };
    } else {
      this.vpc = this.makeVpc(settings);
      this.subnets = { subnetType: ec2.SubnetType.PUBLIC };
    }
    this.securityGroup = new ec2.SecurityGroup(this, 'Machines', {
      vpc: this.vpc,
      description: 'Machines that run jobs: nothing in, HTTPS out',
      allowAllOutbound: false,
    });
    // Names and time come from the network's own addresses, which security groups do not filter.
    this.securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS APIs');
  }

  private makeVpc(settings: Settings): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: settings.network.availabilityZones,
      natGateways: 0,
      // Nothing uses the default security group; locking it would take a function of its own.
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'machines', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 20 }],
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDB: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    const logGroup = new LogGroup(this, 'FlowLog', {
      retention: settings.storage.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    vpc.addFlowLog('Flows', {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup),
      trafficType: ec2.FlowLogTrafficType.REJECT,
    });
    return vpc;
  }

  private findSubnet(id: string): ec2.ISubnet {
    const subnet = ec2.Subnet.fromSubnetId(this, id, id);
    Annotations.of(subnet).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId', 'nothing is routed here');
    return subnet;
  }
}
