CREATE ROLE entries_owner LOGIN PASSWORD 'local';
CREATE ROLE entries LOGIN PASSWORD 'local';
CREATE DATABASE entries OWNER entries_owner;
CREATE ROLE approvals_owner LOGIN PASSWORD 'local';
CREATE ROLE approvals LOGIN PASSWORD 'local';
CREATE DATABASE approvals OWNER approvals_owner;
CREATE ROLE profile_owner LOGIN PASSWORD 'local';
CREATE ROLE profile LOGIN PASSWORD 'local';
CREATE DATABASE profile OWNER profile_owner;
