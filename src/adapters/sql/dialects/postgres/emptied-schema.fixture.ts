/** What the fixture needs of a server: answers with the rows of the last statement. */
export interface SqlServer {
  query<Row>(sql: string): Promise<Row[]>;
}

/** Where the rows that migrations write are kept. */
const kept = "rows_of_migrations";

/** Keeps the rows of a schema that has its migrations and nothing else, to bring others back to them. Answers with the form of its tables. */
export async function rememberSchema(server: SqlServer, schema: string): Promise<string> {
  const [row] = await server.query<{ form: string }>(`
    create schema ${kept};
    do $$
      declare name text; has_rows boolean;
      begin
        for name in select tablename from pg_tables where schemaname = '${schema}' loop
          execute format('select exists (table ${schema}.%I)', name) into has_rows;
          if has_rows then execute format('create table ${kept}.%1$I as table ${schema}.%1$I', name); end if;
        end loop;
      end
    $$;
    select (${formOf(schema)}) as form`);
  return row!.form;
}

/**
 * Leaves what migrations left: the remembered rows, and no other. Nobody works in it meanwhile. Answers with false, and does
 * nothing, where its tables have another form than the remembered one: then a test changed more than rows.
 */
export async function emptySchema(server: SqlServer, schema: string, form: string): Promise<boolean> {
  const [row] = await server.query<{ done: string }>(`
    set session_replication_role = replica; -- What can only be added to is emptied too.
    set emptied.done = 'no';
    do $$
      declare name text; is_changed boolean; changed text[] := '{}';
      begin
        if (${formOf(schema)}) <> '${form}' then return; end if;
        for name in select tablename from pg_tables where schemaname = '${schema}' loop
          if to_regclass(format('${kept}.%I', name)) is null then
            execute format('select exists (table ${schema}.%I)', name) into is_changed;
          else
            execute format('select exists ((table ${schema}.%1$I except table ${kept}.%1$I) union all (table ${kept}.%1$I except table ${schema}.%1$I))', name) into is_changed;
          end if;
          if is_changed then changed := changed || format('${schema}.%I', name); end if;
        end loop;
        if changed <> '{}' then execute 'truncate ' || array_to_string(changed, ', ') || ' cascade'; end if;
        for name in select tablename from pg_tables where schemaname = '${kept}' loop
          execute format('insert into ${schema}.%1$I (table ${kept}.%1$I except table ${schema}.%1$I)', name);
        end loop;
        set emptied.done = 'yes';
      end
    $$;
    select current_setting('emptied.done') as done`);
  return row!.done === "yes";
}

/** An expression: its tables with their columns, indexes, constraints and triggers, and its functions. */
function formOf(schema: string): string {
  return `
    with relations as (select oid, relname, relkind from pg_class where relnamespace = '${schema}'::regnamespace)
    select md5(string_agg(part, ';' order by part)) from (
      select concat_ws(' ', relname, relkind, attname, atttypid, attnotnull, atthasdef) as part from relations join pg_attribute on attrelid = oid where attnum > 0 and not attisdropped
      union all select concat_ws(' ', relname, conname, contype) from relations join pg_constraint on conrelid = relations.oid
      union all select concat_ws(' ', relname, tgname, tgenabled) from relations join pg_trigger on tgrelid = relations.oid where not tgisinternal
      union all select proname || prosrc from pg_proc where pronamespace = '${schema}'::regnamespace
    ) parts`;
}
