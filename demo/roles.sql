-- The roles of the demo CRM. May be run again, and by several sessions at once:
-- a role that another session creates meanwhile is taken as it is.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['crm_owner', 'crm_app', 'crm_reporting'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      begin
        execute format('create role %I login password %L', role_name, role_name);
      exception
        when duplicate_object or unique_violation then
          null; -- created by another session in the meantime
      end;
    end if;
  end loop;
end
$$;
